package maildir

import "testing"

func TestSaveDate(t *testing.T) {
	for _, c := range []struct {
		why, name string
		want      int64 // 0: unknown
	}{
		{"ours, and Dovecot's", "1104537600.M20046P2137Q3.host,S=4711,W=4800:2,FSa", 1104537600},
		{"qmail", "999999999.2137.host", 999999999},
		{"Postfix", "1104537600.V801I2f4M20046.host", 1104537600},
		{"mutt", "1104537600.R4242_7.host:2,S", 1104537600},
		{"OfflineIMAP", "1104537600_0.2137.host,U=5,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,S", 1104537600},
		{"a counter, as Cyrus numbers files", "4711.", 0},
		{"milliseconds", "1104537600123.host", 0},
		{"eleven digits", "11045376001.host", 0},
		{"no number", "msg.abcd:2,S", 0},
		{"a number and more", "1104537600abc.host", 0},
		{"a number alone", "1104537600", 0},
		{"info behind it", "1104537600:2,S", 0},
		{"leading zeros", "0104537600.host", 0},
		{"a negative number", "-104537600.host", 0},
		{"nothing", "", 0},
	} {
		if got, ok := saveDate(c.name); got != c.want && ok || ok != (c.want != 0) {
			t.Errorf("%s: %q gives %d, %v; want %d", c.why, c.name, got, ok, c.want)
		}
	}
}
