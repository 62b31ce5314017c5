package memory_test

import (
	"testing"

	"restante/mailstore"
	"restante/mailstore/memory"
	"restante/mailstore/storetest"
)

func TestContract(t *testing.T) {
	for _, delim := range []rune{'/', '.'} {
		t.Run(string(delim), func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				store := memory.New(memory.Options{Delimiter: delim})
				open := func(t *testing.T) mailstore.Account {
					acct, err := store.OpenAccount(t.Context(), mailstore.User{Name: "jane"})
					if err != nil {
						t.Fatal(err)
					}
					return acct
				}
				return storetest.Harness{Account: open(t), Reopen: open, Cannot: map[storetest.Ability]string{
					storetest.Progress: "nothing takes long in memory",
				}}
			})
		})
	}
}
