package schemas

// FitsQuickly and FitsByLibrary give the two validators apart, so that tests can
// hold one against the other.
func (r *Registry) FitsQuickly(typ string, data any) bool { return r.schemas[typ].quick.fits(data) }

// FitsByLibrary see FitsQuickly.
func (r *Registry) FitsByLibrary(typ string, data any) bool {
	return r.schemas[typ].compiled.Validate(data) == nil
}
