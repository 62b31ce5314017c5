package auth

import (
	"errors"
	"strings"
	"testing"
)

// The password of all hashes below, which "doveadm pw" of Dovecot 2.3.19 and
// libxcrypt 4.4.33 made. It is not ASCII, because that is where programs differ.
const vectorPassword = "crème brûlée"

var vectors = []string{
	"{PLAIN}crème brûlée",
	"{CLEARTEXT}crème brûlée",
	"{plain}crème brûlée",
	"{PLAIN.B64}Y3LDqG1lIGJyw7tsw6ll",
	"{PLAIN.HEX}6372c3a86d65206272c3bb6cc3a965",
	"{SHA}NTgKLMqutom6PqHtmdO9jXszJ/c=",
	"{SHA1}NTgKLMqutom6PqHtmdO9jXszJ/c=",
	"{SHA256}cHZtE+Upp0rxG1naeXMNUUPscEy4G9s7STptPfAtPFs=",
	"{SHA256.HEX}70766d13e529a74af11b59da79730d5143ec704cb81bdb3b493a6d3df02d3c5b",
	"{SHA512}wDimY+BCBAgW/arxs4CQdUAqVpTKLnq7K3AMVaLk78Oekrzf9jl9M03SdcDU4MfCpbKVDknBQwuVmgihixVN+Q==",
	"{SSHA}lNenE0z7y6yqPlH8G07w9vmjdOZ3VkIt",
	"{SSHA256}fZr7kfPU5y9fkrb8SjLWGlsfB8yu7RyVxgORVtN03liIGjEs",
	"{SSHA512}kIcwNtYWsAMkrLtvMIz6f3u5ztUoWGkK0BNgCngac2fV8/oJIwnn5hw8FYJPyOqH5VV5ADEsvKt8reY+lI5ijQobtNI=",
	"{SSHA512.HEX}52266637a0e27bbae96ab2a43c1f1404529dad3083436941769a193d28c850ea8f8a00bbf032aabc7bbc6e57d4e2c312e8b68e743e0ed9c44a544e18785496335c729fc2",
	"{SMD5}ypzfJUjlsrC8pAWntMeOMMZR+OY=",
	"{PLAIN-MD5}d83e360afb45195f7f5938642fa2085c",
	"{LDAP-MD5}2D42CvtFGV9/WThkL6IIXA==",
	"{MD5}$1$PaJ/8AaQ$bcls6RQxMHd.PyBdNYjiw1",
	"{MD5-CRYPT}$1$Qhbl5d1W$Uhiig3klbWhELjDQ2qdFO1",
	"{SHA256-CRYPT}$5$jutjkGjl/yXDfxy4$oLKAgHyx4fgnVd.5IixWycOtm2XoMSjSZSvHB2iqckA",
	"{SHA512-CRYPT}$6$iZtfJ85rmTlw1rrg$NKvEUgWPqXoaisIs2h5.DpIE4KzazRHuvrPUFIlcM3wa6aqw/8rWlo5eqDbKdJPPl.qQtn5pI8PeHSE3jl7PY0",
	"{BLF-CRYPT}$2y$05$agnxOAw7/ro1jTle5a2JD.DftmwZqwfBSN1REVLd0zosBldD/OQ36",
	"{CRYPT}$2y$05$YMyo4dkopwUfKHC.cpms0eNCvAyBVZYc7TkqE7tUyd7n18M9aoVEy",
	"{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$8UQMAsfBbsxIABIFrlVZ0g$uvvkEHvJx2egeOMtrQTsmfuLOAKux8wz3sDg9EHKBjM",
	"{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$w42NQf1bFgKjYNC4LOAGsw$SfzK6DXFeax2YNM23t1tT2bmBDRLaJjNK8396Fm+Fn4",
	"{PBKDF2}$1$RECy7e/CF.9k5FXy$5000$1382b62281a86e43a8a158762bb01e956efe6417",
	"{SCRAM-SHA-1}4096,e9/IoNSGyo341QzhdGrOaQ==,5NjBqzjGURJA0xe+Qrf1Rds6rsI=,dfIkL6MbIbmg0vqKkvsVqt4x+d8=",
	"{SCRAM-SHA-256}4096,X6F5gjX6ivzXCXif1EFfMA==,09M+rD0gRFrBfT03NGZ0zeU6/kp9sCKtzwlYMHRB+Js=,hgFNuC4kxgg+DzNINu6Q7n8HPpweIlB2caxV2mxp3+A=",
	"$y$j9T$abcdefgh12345678$8bFT/iMBj96lQiu2fwxVEAhGxGBCGwIo.1rFbENMvX9",
	"$6$rounds=1000$abc$CECGXnJ6X.SkY7iIsfRoGNLEhJXg2HteWnpzzkdDGNo.zdHy.qobkd5YApzofWo/ap/jkkB57t5uDpmLFESHr/",
	"$5$aaaaaaaaaaaaaaaa$oLASFA26jnwOV9frjAJGFYEXhFQ5lfei8j51povHgU0",
	"$2a$05$abcdefghijklmnopqrstuurvummARvI5AgBBROstzhe/LLa10D71y",
	"$1$PaJ/8AaQ$bcls6RQxMHd.PyBdNYjiw1",
}

func TestSchemes(t *testing.T) {
	for _, field := range vectors {
		v, err := verifierFor(field)
		if err != nil || v == nil {
			t.Errorf("%s: %v", field, err)
			continue
		}
		if !v.verify(vectorPassword) {
			t.Errorf("%s: the right password is refused", field)
		}
		for _, wrong := range []string{"", "creme brulee", vectorPassword + " ", vectorPassword[:5]} {
			if v.verify(wrong) {
				t.Errorf("%s: accepts %q", field, wrong)
			}
		}
	}
}

func TestSchemeMistakes(t *testing.T) {
	tests := []struct {
		why, field, want string
		unsupported      bool
	}{
		{"a clear text without a scheme", "secret!", "write {PLAIN}", false},
		{"the brace is not closed", "{PLAIN", "has no }", false},
		{"a scheme of Dovecot that needs the clear text", "{CRAM-MD5}8b02", "{CRAM-MD5} cannot be verified", true},
		{"no scheme of anybody", "{ROT13}frperg", "{ROT13} cannot be verified", true},
		{"traditional DES", "abi6yrPq6EH9o", "DES", true},
		{"traditional DES with its scheme", "{CRYPT}abi6yrPq6EH9o", "DES", true},
		{"gost-yescrypt", "$gy$j9T$abcdefgh$Gm2GF4//1sCnrUdyL2cuXnGY4avx2ZgzIuXVtx9r041", "$gy$ cannot be verified", true},
		{"cut in the middle", "{SHA512-CRYPT}$6$iZtfJ85rm", "is cut", false},
		{"cut in the middle", "{SSHA}lNenE0z7", "is cut", false},
		{"too long for a hash without salt", "{SHA}lNenE0z7y6yqPlH8G07w9vmjdOZ3VkIt", "is cut", false},
		{"an unknown encoding", "{PLAIN.ROT13}x", "write .b64 or .hex", false},
		{"a typo in the cost would take all memory", "{ARGON2ID}$argon2id$v=19$m=655360000,t=3,p=1$w42NQf1bFgKjYNC4LOAGsw$SfzK6DXFeax2YNM23t1tT2bmBDRLaJjNK8396Fm+Fn4", "is cut or not", false},
		{"a typo in the cost would take minutes", "$6$rounds=999999999$abc$CECGXnJ6X", "is cut or not", false},
		{"a cost beyond all numbers", "$6$rounds=99999999999999999999999$abc$CECGXnJ6X", "is cut or not", false},
	}
	for _, tt := range tests {
		_, err := verifierFor(tt.field)
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, errUnsupported) != tt.unsupported {
			t.Errorf("%s: got %v, want %q", tt.why, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "secret!") || strings.Contains(err.Error(), "iZtf")) {
			t.Errorf("%s: the error shows the password: %v", tt.why, err)
		}
	}
}

func TestLockedAccounts(t *testing.T) {
	for _, field := range []string{"", "*", "!", "!!", "x", "!$6$iZtfJ85rm", "*LK*"} {
		if v, err := verifierFor(field); v != nil || err != nil {
			t.Errorf("%q: %v, %v; want an account that nobody can log in to", field, v, err)
		}
	}
	if v, err := verifierFor("{PLAIN}"); err != nil || v.verify("") {
		t.Errorf("an empty password opens the account (%v)", err)
	}
}

func TestHashPassword(t *testing.T) {
	field, err := HashPassword(vectorPassword)
	if err != nil {
		t.Fatal(err)
	}
	if want := "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(field, want) {
		t.Errorf("got %s, want %s…", field, want)
	}
	v, err := verifierFor(field)
	if err != nil || !v.verify(vectorPassword) || v.verify("other") {
		t.Errorf("the new hash does not verify its password, or verifies others (%v)", err)
	}
	if again, _ := HashPassword(vectorPassword); again == field {
		t.Error("the same salt twice")
	}
	for _, bad := range []string{"", "a\nb", "a\x00b", strings.Repeat("x", maxPassword+1)} {
		if _, err := HashPassword(bad); err == nil {
			t.Errorf("%.10q is accepted as a password", bad)
		}
	}
}

func TestGeneratePassword(t *testing.T) {
	seen := map[string]bool{}
	letters := map[byte]int{}
	for range 1000 {
		p := GeneratePassword()
		if len(p) != 24 || strings.Count(p, "-") != 4 || seen[p] || CheckPassword(p) != nil {
			t.Fatalf("generated %q", p)
		}
		seen[p] = true
		for i := range len(p) {
			letters[p[i]]++
		}
	}
	if len(letters) != 17+5+1 {
		t.Errorf("%d different characters, want 22 and the hyphen", len(letters))
	}
}

// FuzzVerifier holds that no password field makes reading or verifying fail
// other than by an error, and that no error shows the field.
func FuzzVerifier(f *testing.F) {
	for _, v := range vectors {
		if !strings.Contains(v, "argon2") && !strings.Contains(v, "$y$") { // slow and well tested elsewhere
			f.Add(v)
		}
	}
	f.Fuzz(func(t *testing.T, field string) {
		if strings.Contains(field, "argon2") || strings.Contains(field, "$y$") || option(field, "rounds=") > 10000 || strings.Contains(field, "PBKDF2") || strings.Contains(field, "SCRAM") {
			t.Skip("costs too much here")
		}
		for _, kind := range []string{"$2a$", "$2b$", "$2x$", "$2y$"} {
			if option(field, kind) > 6 {
				t.Skip("costs too much here")
			}
		}
		v, err := verifierFor(field)
		if err != nil {
			if v != nil {
				t.Error("a verifier and an error")
			}
			return
		}
		if v != nil {
			v.verify("x")
			if v.verify("") && strings.Contains(field, "PLAIN") {
				t.Error("the empty password opens an account")
			}
		}
	})
}
