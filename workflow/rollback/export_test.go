package rollback

// StopAt ends the program, as far as the package can tell, at a step.
func (r *Repo) StopAt(name string) {
	r.step = func(at string) error {
		if at == name {
			return stopped{}
		}
		return nil
	}
}

// FailAt lets a step fail.
func (r *Repo) FailAt(name string, err error) {
	r.step = func(at string) error {
		if at == name {
			return err
		}
		return nil
	}
}

// RaceAt does something at a step.
func (r *Repo) RaceAt(name string, do func()) {
	r.step = func(at string) error {
		if at == name {
			do()
		}
		return nil
	}
}
