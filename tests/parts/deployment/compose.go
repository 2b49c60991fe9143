package main

import (
	"context"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// readCompose returns the project in a file as `docker compose` would start it with the profile.
// The variables are all that it is given: neither the environment nor a file .env counts.
func readCompose(path, profile string, variables []string) (*types.Project, error) {
	options, err := cli.NewProjectOptions(
		[]string{path},
		cli.WithEnv(variables),
		cli.WithProfiles([]string{profile}),
		cli.WithResolvedPaths(true),
	)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}
