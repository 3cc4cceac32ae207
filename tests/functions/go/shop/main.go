// A shop on gin behind an HTTP API: JSON that is validated, groups, a middleware and errors.
package main

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	ginadapter "github.com/awslabs/aws-lambda-go-api-proxy/gin"
	"github.com/gin-gonic/gin"
)

type Product struct {
	SKU    string   `json:"sku" binding:"required,alphanum,len=4"`
	Email  string   `json:"email" binding:"required,email"`
	Price  float64  `json:"price" binding:"gt=0,lte=1000"`
	Colors []string `json:"colors" binding:"max=2,dive,oneof=red green"`
}

type page struct {
	Limit int    `form:"limit,default=10" binding:"min=1,max=100"`
	Sort  string `form:"sort" binding:"omitempty,oneof=sku price"`
}

var (
	mutex    sync.RWMutex
	products = []Product{}
	adapter  *ginadapter.GinLambdaV2
)

func init() {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(gin.Recovery(), func(c *gin.Context) {
		c.Header("X-Version", "7")
		c.Next()
		if err := c.Errors.Last(); err != nil {
			c.JSON(http.StatusTeapot, gin.H{"error": err.Error()})
		}
	})
	api := engine.Group("/api")
	api.GET("/products", list)
	api.POST("/products", add)
	api.GET("/products/:sku", get)
	api.GET("/error", func(c *gin.Context) { _ = c.Error(errors.New("no coffee here")) })
	api.GET("/panic", func(*gin.Context) { panic("broken") })
	engine.GET("/files/*path", func(c *gin.Context) { c.String(http.StatusOK, "file %s of %s", c.Param("path"), c.ClientIP()) })
	// One name, because those of a map come in any order.
	engine.NoRoute(func(c *gin.Context) { c.XML(http.StatusNotFound, gin.H{"nowhere": c.Request.URL.Path}) })
	adapter = ginadapter.NewV2(engine)
}

func list(c *gin.Context) {
	var wanted page
	if err := c.ShouldBindQuery(&wanted); err != nil {
		c.AbortWithStatusJSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	mutex.RLock()
	defer mutex.RUnlock()
	c.JSON(http.StatusOK, gin.H{"products": products[:min(wanted.Limit, len(products))], "sort": wanted.Sort})
}

func add(c *gin.Context) {
	var product Product
	if err := c.ShouldBindJSON(&product); err != nil {
		c.AbortWithStatusJSON(http.StatusUnprocessableEntity, gin.H{"error": err.Error()})
		return
	}
	mutex.Lock()
	defer mutex.Unlock()
	products = append(products, product)
	c.Header("Location", "/api/products/"+product.SKU)
	c.IndentedJSON(http.StatusCreated, product)
}

func get(c *gin.Context) {
	for _, product := range products {
		if product.SKU == c.Param("sku") {
			c.PureJSON(http.StatusOK, product)
			return
		}
	}
	c.Status(http.StatusNotFound)
}

func handler(ctx context.Context, request events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return adapter.ProxyWithContext(ctx, request)
}

func main() {
	lambda.Start(handler)
}
