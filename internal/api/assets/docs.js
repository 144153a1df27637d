"use strict";

// The page asks in its own language, and keeps the token only until it is left.
const main = document.getElementById("docs");

window.SwaggerUIBundle({
  domNode: main,
  url: main.dataset.document,
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: -1,
  tryItOutEnabled: true,
  persistAuthorization: false,
  requestInterceptor: (request) => {
    request.headers["Accept-Language"] = request.headers["Accept-Language"] || main.dataset.lang;
    return request;
  },
});
