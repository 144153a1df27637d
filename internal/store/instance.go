package store

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/linli/linli/internal/workflow"
)

// instanceColumns are the columns of instances in the order in which rows are written and scanned.
const instanceColumns = "r.community, r.id, r.root, r.parent, r.workflow, r.slot, r.key, r.state, r.version, r.touched, r.data, r.agg"

// encodeInstance turns an instance into its row. The aggregates have a column of their own, so that an audit can
// compare them without reading the rest.
func encodeInstance(i *workflow.Instance) ([]any, error) {
	err := checkTexts(column{"instances.community", i.Community}, column{"instances.id", i.ID}, column{"instances.root", i.Root},
		column{"instances.parent", i.Parent}, column{"instances.workflow", i.Workflow}, column{"instances.slot", i.Slot},
		column{"instances.key", i.Key}, column{"instances.state", i.State})
	if err != nil {
		return nil, err
	}
	if err := checkValues(i.Body.Data); err != nil {
		return nil, err
	}
	body := i.Body
	body.Aggregates = nil
	data, err := body.AppendJSON(nil)
	if err != nil {
		return nil, fmt.Errorf("encode instance %s: %w", i.ID, err)
	}
	agg := []byte("{}")
	if len(i.Body.Aggregates) > 0 {
		if agg, err = json.Marshal(i.Body.Aggregates); err != nil {
			return nil, fmt.Errorf("encode the aggregates of instance %s: %w", i.ID, err)
		}
	}
	return []any{i.Community, i.ID, i.Root, i.Parent, i.Workflow, i.Slot, i.Key, i.State, i.Version, i.Touched, string(data), string(agg)}, nil
}

// scanInstance reads a row of instanceColumns and the columns after them.
func scanInstance(rows *sql.Rows, after ...any) (*workflow.Instance, error) {
	var i workflow.Instance
	var data, agg []byte
	columns := []any{&i.Community, &i.ID, &i.Root, &i.Parent, &i.Workflow, &i.Slot, &i.Key, &i.State, &i.Version, &i.Touched, &data, &agg}
	err := rows.Scan(append(columns, after...)...)
	if err != nil {
		return nil, fmt.Errorf("read an instance: %w", err)
	}
	if err := json.Unmarshal(data, &i.Body); err != nil {
		return nil, fmt.Errorf("decode instance %s: %w", i.ID, err)
	}
	if err := json.Unmarshal(agg, &i.Body.Aggregates); err != nil {
		return nil, fmt.Errorf("decode the aggregates of instance %s: %w", i.ID, err)
	}
	return &i, nil
}
