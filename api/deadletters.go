package api

func (s *server) deadlettersRoutes() {}
