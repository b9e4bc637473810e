package api

func (s *server) asyncapiRoutes() {}
