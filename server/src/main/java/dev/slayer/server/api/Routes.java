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

    private static final String OF_MODEL = "/m/:" + RequestedModel.PARAMETER;

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
        routes.compare(new AbHandler(scope, mailbox));
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

    private void compare(AbHandler compare) {
        // Takes no edit in the query, but says what to do instead.
        under("", HttpMethod.POST, "/v1/ab", QueryNames.layouts(), keys, traffic, body, compare);
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
        list("/v1/files", QueryNames.with("after", "limit", "order", "purpose"), files::list);
        bare(HttpMethod.GET, one, keys, files::one);
        bare(HttpMethod.GET, one + "/content", keys, traffic, files::content);
        bare(HttpMethod.DELETE, one, keys, traffic, files::delete);
    }

    private void jobs(JobsHandler jobs) {
        String all = "/v1/fine_tuning/jobs";
        String one = all + "/:" + JobsHandler.PARAMETER;
        bare(HttpMethod.POST, all, keys, traffic, body, jobs::create);
        list(all, QueryNames.with("after", "limit", "order", "metadata", "metadata[]"), jobs::list);
        bare(HttpMethod.GET, one, keys, jobs::one);
        bare(HttpMethod.POST, one + "/cancel", keys, traffic, jobs::cancel);
        bare(HttpMethod.POST, one + "/pause", keys, traffic, jobs::pause);
        bare(HttpMethod.POST, one + "/resume", keys, traffic, jobs::resume);
        list(one + "/events", QueryNames.with("after", "limit", "order"), jobs::events);
        list(one + "/checkpoints", QueryNames.with("after", "limit", "order"), jobs::checkpoints);
        bare(HttpMethod.DELETE, "/v1/models/:id", keys, traffic, jobs::deleteModel);
    }

    private void tokenizer(TokenizerHandler tokenizer) {
        route(HttpMethod.POST, "/tokenize", traffic, body, tokenizer::tokenize);
        route(HttpMethod.POST, "/detokenize", traffic, body, tokenizer::detokenize);
        route(HttpMethod.GET, "/tokenizer_info", tokenizer::info);
    }

    /** Whoever watches a server may put into the query what he likes. */
    private void status(StatusHandler status) {
        open(HttpMethod.GET, "/health", status::health);
        open(HttpMethod.GET, "/ping", status::health);
        open(HttpMethod.POST, "/ping", status::health);
        open(HttpMethod.GET, "/version", status::version);
        open(HttpMethod.GET, "/metrics", status::metrics);
    }

    private void open(HttpMethod method, String path, Handler<RoutingContext> handler) {
        at(method, path, path).handler(handler);
        at(method, OF_MODEL + path, path).handler(handler);
    }

    /** A route of a model, which the query may edit. */
    @SafeVarargs
    private void route(HttpMethod method, String path, Handler<RoutingContext>... handlers) {
        under("", method, path, QueryNames.layouts(), handlers);
        under(OF_MODEL, method, path, QueryNames.layouts(), handlers);
    }

    /** A route that is of no model and has no query. */
    @SafeVarargs
    private void bare(HttpMethod method, String path, Handler<RoutingContext>... handlers) {
        under("", method, path, QueryNames.with(), handlers);
    }

    /** A list that comes in pages. */
    private void list(String path, QueryNames names, Handler<RoutingContext> handler) {
        under("", HttpMethod.GET, path, names, keys, handler);
    }

    /** The query is looked at last before the handler itself, when key and traffic have let the request pass. */
    @SafeVarargs
    private void under(
            String prefix, HttpMethod method, String path, QueryNames names, Handler<RoutingContext>... handlers) {
        Route route = at(method, prefix + path, path);
        for (int i = 0; i < handlers.length; i++) {
            if (i == handlers.length - 1) {
                route.handler(names);
            }
            route.handler(handlers[i]);
        }
    }

    private Route at(HttpMethod method, String path, String shown) {
        return router.route(method, path).handler(ctx -> ApiMetrics.matched(ctx, shown));
    }
}
