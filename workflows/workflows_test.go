package workflows_test

import (
	"testing"

	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

func TestBuiltInDefinitionsLoad(t *testing.T) {
	_, problems := workflow.Load(workflows.Files())
	for _, p := range problems {
		t.Error(p)
	}
}
