package api

func (s *server) changesRoutes() {}
