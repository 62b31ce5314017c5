package mail

import "strings"

// A language gives words: common ones as they are, and rarer ones put together
// of syllables.
type language struct {
	common    []string
	syllables []string
	space     string
	stop      string // ends a sentence
}

// languages has English twice, as it is what most mail is in.
func languages() []language {
	english := language{
		common:    strings.Fields("the of and to a in is that for it as was with be by on not he his but at are this have from or had an they which you we can if will would there been one all their has more when who may no do our time meeting report please thanks regards invoice project monday attached file server office tomorrow question"),
		syllables: strings.Fields("con ter ma ti on re ver sal pro duc ment al ly ing per for ward stra te gy com mun ca tion un der stand ex pec ta ble de vel op in vest or man age light house wa ter"),
		space:     " ", stop: ".",
	}
	german := language{
		common:    strings.Fields("der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über so zum haben nur oder aber vor zur bis mehr durch Grüße möchte können Rechnung schöne Straße Gespräch Anhang"),
		syllables: strings.Fields("ver ge be schaft keit ung licht über für träg stell an vor aus münd schluß wohn haus brief post amt zeit räum lich stand punkt frei heit"),
		space:     " ", stop: ".",
	}
	french := language{
		common:    strings.Fields("de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec été où déjà très même après réunion pièce jointe cordialement château garçon naïf élève être"),
		syllables: strings.Fields("con ré dé pré tion ment eur eux ille age ance ité té par cou rir mé moi tra vail lé gère fran çais com plè te"),
		space:     " ", stop: ".",
	}
	polish := language{
		common:    strings.Fields("w i na z do się że nie jest o jak ale po co tak za od być już dla może tylko przez gdy przy także który między czy również spotkanie załącznik pozdrawiam proszę źródło żółty łódź"),
		syllables: strings.Fields("prze stą pie nie wa ny ość cie szy mó wić dzia łać po wie dział roz wój ko lej ka"),
		space:     " ", stop: ".",
	}
	russian := language{
		common:    strings.Fields("и в не на я быть он с что а по это она этот к но они мы весь который из у который то за свой весь год от так о для ты же все тот мочь вы человек такой его сказать только или ещё время письмо встреча спасибо отчёт"),
		syllables: strings.Fields("пе ре да ча про ве рить го род ской ра бо та ни е ство ва ние под пись об мен"),
		space:     " ", stop: ".",
	}
	japanese := language{
		common:    strings.Fields("です ます ください 会議 資料 送付 確認 お願い 本日 明日 東京 郵便 局留め 請求書 添付 ありがとう よろしく 時間 場所 について ました ので から まで こと もの"),
		syllables: strings.Fields("か き く け こ さ し す せ そ た ち つ て と な に の は ひ ま み や ゆ ら り る れ 日 本 大 学 生 会 社 人 年 月"),
		space:     "", stop: "。",
	}
	return []language{english, english, german, french, polish, russian, japanese}
}

// The places of languages.
const (
	english = 0
	german  = 2
	french  = 3
	polish  = 4
	russian = 5
	nihongo = 6
)
