package audit_test

import (
	"testing"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/testdb"
)

func TestAuditOfOneProgrammeLooksAtNoOther(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		marks, err := o.keys.ReadCheckpoint(o.checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		o.exec(t, "delete from history where root = ? and seq = 3", o.root)
		of := func(community, root string) audit.Report {
			r, err := audit.Run(t.Context(), o.store, o.keys, audit.Options{Checkpoint: marks, Community: community, Root: root})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := of("c1", o.other); !r.OK() || r.Roots != 2 || r.Entries == 0 {
			t.Errorf("the other programme with the registry: %+v", r)
		}
		if r := of("c1", o.root); len(r.Findings) != 1 || r.Findings[0].Root != o.root || r.Findings[0].Kind != audit.KindMissing {
			t.Errorf("the programme itself: %+v", r)
		}
		if r := of("c1", ""); len(r.Findings) != 1 || r.Roots != 3 {
			t.Errorf("the community: %+v", r)
		}
		if r := of("c2", ""); !r.OK() || r.Communities != 0 || r.Marks != 0 {
			t.Errorf("another community: %+v", r)
		}
	})
}
