package engine_test

import (
	"sync"
	"testing"

	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/workflow"
)

func TestABundleIsCompiledOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		hash, _ := h.instance(t, w.Community).Body.Data["bundle"].(string)
		fresh := h.replica(t)
		var got [16]*workflow.Bundle
		var wg sync.WaitGroup
		for n := range got {
			wg.Go(func() {
				b, err := fresh.Bundle(t.Context(), hash)
				if err != nil {
					t.Error(err)
				}
				got[n] = b
			})
		}
		wg.Wait()
		for _, b := range got {
			if b != got[0] {
				t.Fatal("two callers who asked at once were given bundles that were compiled twice")
			}
		}
	})
}
