package dev.slayer.server.api;

import dev.slayer.server.guide.Guides;
import dev.slayer.server.jobs.FineTuningJobs;
import dev.slayer.surgery.SlayerException;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server on Vert.x: a few event loops on one port. */
final class VertxApiServer implements ApiServer {
    private static final Logger LOG = LoggerFactory.getLogger(VertxApiServer.class);

    /** A client that does not read cannot keep the process alive for longer. */
    private static final int CLOSE_SECONDS = 10;

    private final Vertx vertx;
    private final String host;
    private final int port;
    private final ApiScope scope;

    private VertxApiServer(Vertx vertx, String host, int port, ApiScope scope) {
        this.vertx = vertx;
        this.host = host;
        this.port = port;
        this.scope = scope;
    }

    static ApiServer start(ApiSettings settings, ApiParts parts) {
        int loops = Math.clamp(Runtime.getRuntime().availableProcessors() / 2, 1, 4);
        ApiScope scope = scope(settings, parts);
        Vertx vertx = Vertx.vertx(new VertxOptions()
                .setEventLoopPoolSize(loops)
                .setFileSystemOptions(
                        new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)));
        AtomicInteger port = new AtomicInteger();
        try {
            vertx.deployVerticle(() -> new ApiVerticle(scope, port), new DeploymentOptions().setInstances(loops))
                    .toCompletionStage()
                    .toCompletableFuture()
                    .join();
        } catch (CompletionException e) {
            close(vertx);
            close(scope);
            throw new SlayerException(
                    500,
                    "cannot_bind",
                    "port",
                    "Cannot listen on " + settings.host() + ":" + settings.port() + " ("
                            + e.getCause().getMessage() + "); choose another --host or --port.",
                    e.getCause());
        }
        return new VertxApiServer(vertx, settings.host(), port.get(), scope);
    }

    private static ApiScope scope(ApiSettings settings, ApiParts parts) {
        ModelDirectory models = parts.directory();
        Catalog catalog = new Catalog(models, parts.store());
        Checkpoints checkpoints = new Checkpoints(catalog, parts);
        Deltas deltas = new Deltas(catalog, models, checkpoints, parts);
        deltas.loadAll();
        TrainingDesk desk = new TrainingDesk(
                models, catalog, checkpoints, deltas, parts.folders().deltas());
        return new ApiScope(
                settings,
                models,
                catalog,
                checkpoints,
                deltas,
                new Exports(models, checkpoints, deltas, parts.folders().exports()),
                desk,
                parts.store().jobs().map(store -> new FineTuningJobs(store, desk, desk, parts.jobs())),
                parts.engine(),
                new Guides(),
                new ApiMetrics(parts.registry(), parts.engine(), catalog),
                Traffic.of(settings),
                parts.runtime());
    }

    @Override
    public String host() {
        return host;
    }

    @Override
    public int port() {
        return port;
    }

    @Override
    public DeltaRegistry deltas() {
        return scope.deltas();
    }

    @Override
    public CompletableFuture<Void> drain(Duration deadline) {
        return scope.traffic().drain(deadline);
    }

    @Override
    public void close() {
        close(vertx);
        close(scope);
    }

    /** Jobs first: they use what the others close. */
    private static void close(ApiScope scope) {
        scope.jobs().ifPresent(FineTuningJobs::close);
        scope.exports().close();
        scope.deltas().close();
        scope.checkpoints().close();
    }

    private static void close(Vertx vertx) {
        vertx.close()
                .toCompletionStage()
                .toCompletableFuture()
                .orTimeout(CLOSE_SECONDS, TimeUnit.SECONDS)
                .exceptionally(late -> {
                    LOG.warn("the HTTP server did not close in {} s", CLOSE_SECONDS, late);
                    return null;
                })
                .join();
    }
}
