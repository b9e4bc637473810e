package api

func (s *server) stewardshipRoutes() {}
