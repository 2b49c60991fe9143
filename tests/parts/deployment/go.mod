module muniment.dev/tests/deployment

go 1.26.8

require (
	github.com/compose-spec/compose-go/v2 v2.16.2 // indirect
	github.com/moby/buildkit v0.34.2 // indirect
	helm.sh/helm/v3 v3.22.0 // indirect
)
