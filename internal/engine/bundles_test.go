package engine

import (
	"strconv"
	"testing"

	"github.com/linli/linli/internal/workflow"
)

func TestTheBundlesUsedLastAreKept(t *testing.T) {
	s := newBundles()
	first := &workflow.Bundle{Hash: "0"}
	s.put(first)
	for n := 1; n <= 3*maxBundles; n++ {
		s.put(&workflow.Bundle{Hash: strconv.Itoa(n)})
		if s.get("0") != first {
			t.Fatalf("one in use went when number %d came", n)
		}
	}
	if len(s.byHash) != maxBundles || s.recent.Len() != maxBundles {
		t.Errorf("%d are kept in %d places, want %d", s.recent.Len(), len(s.byHash), maxBundles)
	}
	if s.get("1") != nil || s.get(strconv.Itoa(3*maxBundles)) == nil {
		t.Error("the oldest should have gone, and the newest not")
	}
	again := &workflow.Bundle{Hash: "0"}
	s.put(again)
	if s.get("0") != again || s.recent.Len() != maxBundles {
		t.Error("one that is put again takes its own place")
	}
}
