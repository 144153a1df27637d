package workflow

func (c *checker) checkNames(drafts []*draft)    {}
func (c *checker) checkMachines(drafts []*draft) {}
func (c *checker) checkTree(drafts []*draft)     {}
