// What somebody does in Thunderbird, in its main window. The arguments are the port,
// user and password of the server and its authority's certificate in base64.
const [port, user, password, authority] = arguments;
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

async function until(what, there) {
  for (let n = 0; n < 600; n++) {
    const got = await there();
    if (got) {
      return got;
    }
    await new Promise(done => window.setTimeout(done, 100));
  }
  throw new Error("waited in vain for " + what);
}

// The account, as the assistant makes it.
Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(authority, "C,,");
const server = MailServices.accounts.createIncomingServer(user, "localhost", "imap");
server.port = port;
server.socketType = Ci.nsMsgSocketType.SSL;
server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
server.password = password;
const account = MailServices.accounts.createAccount();
account.incomingServer = server;
const identity = MailServices.accounts.createIdentity();
identity.email = user + "@example.org";
account.addIdentity(identity);
MailServices.accounts.defaultAccount = account;

// Signing in, and the list of folders.
const pane = await until("the window", () => {
  const found = document.getElementById("tabmail")?.currentAbout3Pane;
  return found?.displayFolder && found.gViewWrapper !== undefined && found;
});
server.getNewMessages(server.rootFolder, window.msgWindow, null);
const folder = async name => until(name, () => server.rootFolder.subFolders.find(f => f.name.toLowerCase() == name.toLowerCase()));
const inbox = await folder("Inbox");
const work = await folder("Work");

// The inbox, and its first message.
const ids = () => Array.from({ length: pane.gDBView?.rowCount ?? 0 }, (_, n) => pane.gDBView.getMsgHdrAt(n).messageId);
pane.displayFolder(inbox.URI);
await until("three messages", () => pane.gDBView?.msgFolder == inbox && pane.gDBView.rowCount == 3);
const pick = async id => {
  const row = await until(id, () => ids().indexOf(id) + 1);
  pane.threadTree.selectedIndex = row - 1;
};
const body = id => until("the text of " + id, () => {
  const browser = pane.messagePane && document.getElementById("tabmail").currentAboutMessage;
  return browser?.gMessage?.messageId == id && browser.msgLoaded;
});
await pick("3@example.org");
await body("3@example.org");
await until("it to be read", () => pane.gDBView.hdrForFirstSelectedMessage.isRead);

// A star.
window.goDoCommand("cmd_markAsFlagged");
await until("the star", () => pane.gDBView.hdrForFirstSelectedMessage.isFlagged);

// A search on the server.
const found = [];
await new Promise(done => {
  const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
  session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, inbox);
  const term = session.createTerm();
  term.attrib = Ci.nsMsgSearchAttrib.Body;
  term.op = Ci.nsMsgSearchOp.Contains;
  const value = term.value;
  value.attrib = term.attrib;
  value.str = "Café";
  term.value = value;
  session.appendTerm(term);
  session.registerListener({ onSearchHit: h => found.push(h.messageId), onSearchDone: done, onNewSearch() {} });
  session.search(window.msgWindow);
});

// One moves to another folder, one is deleted.
await pick("1@example.org");
await body("1@example.org");
pane.gDBView.doCommandWithFolder(Ci.nsMsgViewCommandType.moveMessages, work);
await until("the move", () => !ids().includes("1@example.org"));
await pick("3@example.org");
await body("3@example.org");
window.goDoCommand("cmd_delete");
await until("the deletion", () => !ids().includes("3@example.org"));
pane.displayFolder(work.URI);
await until("the moved message", () => pane.gDBView?.msgFolder == work && ids().includes("1@example.org"));
return { found, folders: server.rootFolder.descendants.map(f => f.URI.split("/").slice(3).join("/")) };
