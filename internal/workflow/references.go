package workflow

import "slices"

// References lists the instances that a row's reference fields name, sorted and each once. It reports false if the workflow has no
// such field.
func (d *Definition) References(data Values) ([]string, bool) {
	var out []string
	pointing := false
	for _, f := range d.Fields {
		if !f.Type.Reference() {
			continue
		}
		pointing = true
		for _, id := range idsOf(data[f.Name]) {
			if id != "" {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), pointing
}
