package bench

import "testing"

func TestTheDefinitionsAreSound(t *testing.T) {
	if _, err := definitions(); err != nil {
		t.Fatal(err)
	}
}
