package dev.slayer.server.api;

import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;

/**
 * The table of routes. Every route of a model exists twice: bare, for the model that the body names, and under
 * {@code /m/NAME}, for clients that can change nothing but the base URL.
 */
final class Routes {
    static final Set<String> METHODS = Set.of("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS");

    private final Router router;
    private final Handler<RoutingContext> keys;
    private final Handler<RoutingContext> traffic;
    private final Handler<RoutingContext> body;

    private Routes(Vertx vertx, ApiScope scope) {
        ApiSettings settings = scope.settings();
        router = Router.router(vertx);
        keys = new ApiKeys(settings.apiKeys());
        traffic = scope.traffic();
        body = new BodyReader(settings.maxBodyBytes(), settings.stallTimeout(), scope.traffic());
    }

    /** A router for one event loop. */
    static Router on(Vertx vertx, ApiScope scope, Mailbox mailbox, IdleConnections idle) {
        Routes routes = new Routes(vertx, scope);
        Failures failures = new Failures();
        routes.router.route().handler(idle);
        routes.router.route().handler(new RequestIds());
        routes.router.route().handler(scope.metrics());
        routes.router.route().handler(new Cors(scope.settings().corsOrigins()));
        routes.router.route().failureHandler(failures);
        for (int status : new int[] {400, 404, 405, 406, 413, 414, 415, 500}) {
            routes.router.errorHandler(status, failures);
        }
        routes.openAi(scope, mailbox);
        routes.reading(scope, mailbox);
        routes.bare(HttpMethod.POST, "/v1/ab", routes.keys, routes.traffic, routes.body, new AbHandler(scope, mailbox));
        routes.variants(new VariantsHandler(scope));
        routes.exports(new ExportHandler(scope));
        routes.checkpoints(new CheckpointsHandler(scope));
        routes.deltas(new DeltasHandler(scope));
        routes.files(new FilesHandler(scope), new UploadHandler(scope));
        routes.jobs(new JobsHandler(scope));
        routes.tokenizer(new TokenizerHandler(scope));
        routes.status(new StatusHandler(scope));
        return routes.router;
    }

    private void openAi(ApiScope scope, Mailbox mailbox) {
        ModelsHandler models = new ModelsHandler(scope);
        route(HttpMethod.GET, "/v1/models", keys, models::list);
        route(HttpMethod.GET, "/v1/models/:id", keys, models::one);
        Handler<RoutingContext> completions = new GenerationHandler(scope, mailbox, false);
        route(HttpMethod.POST, "/v1/completions", keys, traffic, body, completions);
        Handler<RoutingContext> chat = new GenerationHandler(scope, mailbox, true);
        route(HttpMethod.POST, "/v1/chat/completions", keys, traffic, body, chat);
    }

    private void reading(ApiScope scope, Mailbox mailbox) {
        Handler<RoutingContext> score = new ReadingHandler<>(scope, mailbox, ScoreRequest::read);
        route(HttpMethod.POST, "/v1/score", keys, traffic, body, score);
        Handler<RoutingContext> perplexity = new ReadingHandler<>(scope, mailbox, PerplexityRequest::read);
        route(HttpMethod.POST, "/v1/perplexity", keys, traffic, body, perplexity);
        Handler<RoutingContext> embeddings = new ReadingHandler<>(scope, mailbox, EmbeddingRequest::read);
        route(HttpMethod.POST, "/v1/embeddings", keys, traffic, body, embeddings);
    }

    private void variants(VariantsHandler variants) {
        String one = "/v1/variants/:" + VariantsHandler.PARAMETER;
        bare(HttpMethod.POST, "/v1/variants", keys, traffic, body, variants::create);
        bare(HttpMethod.GET, "/v1/variants", keys, variants::list);
        bare(HttpMethod.GET, one, keys, variants::one);
        bare(HttpMethod.DELETE, one, keys, traffic, variants::delete);
    }

    private void exports(ExportHandler exports) {
        String one = "/v1/variants/:" + VariantsHandler.PARAMETER;
        bare(HttpMethod.POST, one + "/export", keys, traffic, body, exports::start);
        bare(HttpMethod.GET, one + "/export", keys, exports::last);
        bare(HttpMethod.GET, one + "/export.json", keys, exports::mergeRecipe);
    }

    private void checkpoints(CheckpointsHandler checkpoints) {
        bare(HttpMethod.GET, "/v1/checkpoints", keys, checkpoints::list);
        bare(HttpMethod.POST, "/v1/checkpoints/load", keys, traffic, body, checkpoints::load);
        bare(HttpMethod.POST, "/v1/checkpoints/unload", keys, traffic, body, checkpoints::unload);
    }

    private void deltas(DeltasHandler deltas) {
        bare(HttpMethod.GET, "/v1/deltas", keys, deltas::list);
        bare(HttpMethod.GET, "/v1/deltas/:" + DeltasHandler.PARAMETER, keys, deltas::one);
        bare(HttpMethod.POST, "/v1/deltas/load", keys, traffic, body, deltas::load);
        bare(HttpMethod.POST, "/v1/deltas/unload", keys, traffic, body, deltas::unload);
    }

    private void files(FilesHandler files, UploadHandler upload) {
        String one = "/v1/files/:" + FilesHandler.PARAMETER;
        bare(HttpMethod.POST, "/v1/files", keys, traffic, upload);
        bare(HttpMethod.GET, "/v1/files", keys, files::list);
        bare(HttpMethod.GET, one, keys, files::one);
        bare(HttpMethod.GET, one + "/content", keys, traffic, files::content);
        bare(HttpMethod.DELETE, one, keys, traffic, files::delete);
    }

    private void jobs(JobsHandler jobs) {
        String all = "/v1/fine_tuning/jobs";
        String one = all + "/:" + JobsHandler.PARAMETER;
        bare(HttpMethod.POST, all, keys, traffic, body, jobs::create);
        bare(HttpMethod.GET, all, keys, jobs::list);
        bare(HttpMethod.GET, one, keys, jobs::one);
        bare(HttpMethod.POST, one + "/cancel", keys, traffic, jobs::cancel);
        bare(HttpMethod.POST, one + "/pause", keys, traffic, jobs::pause);
        bare(HttpMethod.POST, one + "/resume", keys, traffic, jobs::resume);
        bare(HttpMethod.GET, one + "/events", keys, jobs::events);
        bare(HttpMethod.GET, one + "/checkpoints", keys, jobs::checkpoints);
        bare(HttpMethod.DELETE, "/v1/models/:id", keys, traffic, jobs::deleteModel);
    }

    private void tokenizer(TokenizerHandler tokenizer) {
        route(HttpMethod.POST, "/tokenize", traffic, body, tokenizer::tokenize);
        route(HttpMethod.POST, "/detokenize", traffic, body, tokenizer::detokenize);
        route(HttpMethod.GET, "/tokenizer_info", tokenizer::info);
    }

    private void status(StatusHandler status) {
        route(HttpMethod.GET, "/health", status::health);
        route(HttpMethod.GET, "/ping", status::health);
        route(HttpMethod.POST, "/ping", status::health);
        route(HttpMethod.GET, "/version", status::version);
        route(HttpMethod.GET, "/metrics", status::metrics);
    }

    @SafeVarargs
    private void route(HttpMethod method, String path, Handler<RoutingContext>... handlers) {
        bare(method, path, handlers);
        under("/m/:" + RequestedModel.PARAMETER, method, path, handlers);
    }

    /** A route that is of no model. */
    @SafeVarargs
    private void bare(HttpMethod method, String path, Handler<RoutingContext>... handlers) {
        under("", method, path, handlers);
    }

    @SafeVarargs
    private void under(String prefix, HttpMethod method, String path, Handler<RoutingContext>... handlers) {
        Route route = router.route(method, prefix + path).handler(ctx -> ApiMetrics.matched(ctx, path));
        for (Handler<RoutingContext> handler : handlers) {
            route.handler(handler);
        }
    }
}
