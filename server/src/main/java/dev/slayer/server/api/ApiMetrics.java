package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.EngineStatus;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/** The meters of the HTTP side. Thread-safe. */
final class ApiMetrics implements Handler<RoutingContext> {
    private static final String ROUTE = "route";
    private static final double[] DURATIONS = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600};

    private final PrometheusMeterRegistry registry;
    private final Map<String, ModelMetrics> models = new ConcurrentHashMap<>();

    ApiMetrics(PrometheusMeterRegistry registry, Engine engine, Catalog catalog) {
        this.registry = registry;
        Gauge.builder("slayer_variants", catalog, source -> source.variants().size())
                .description("Named variants, those that cannot be served now included.")
                .strongReference(true)
                .register(registry);
        gauge("slayer_num_requests_running", "Sequences that hold KV.", engine, EngineStatus::running);
        gauge("slayer_num_requests_waiting", "Sequences in the queue.", engine, EngineStatus::waiting);
        gauge("slayer_kv_cache_usage_perc", "Share of the KV memory in use, 0 to 1.", engine, ApiMetrics::kvUsage);
    }

    /** Meters of a served model. */
    ModelMetrics of(String model) {
        return models.computeIfAbsent(model, name -> new ModelMetrics(registry, name));
    }

    /** Drops the meters of a model that is no more: names come and go, meters would only come. */
    void forget(String model) {
        models.remove(model);
        registry.getMeters().stream()
                .map(Meter::getId)
                .filter(id -> model.equals(id.getTag(ModelMetrics.MODEL)))
                .forEach(registry::remove);
    }

    /** All meters in Prometheus' text format. */
    String scrape() {
        return registry.scrape();
    }

    /** Counts a request when it has been answered, under its route rather than its path: paths are endless. */
    @Override
    public void handle(RoutingContext ctx) {
        String method = ctx.request().method().name();
        long begun = System.nanoTime();
        ctx.addEndHandler(done -> {
            Buckets.seconds(Timer.builder("slayer_http_request_duration"), DURATIONS)
                    .description("From a request's head to the end of its answer.")
                    .tag("handler", ctx.get(ROUTE, "none"))
                    .register(registry)
                    .record(System.nanoTime() - begun, TimeUnit.NANOSECONDS);
            Counter.builder("slayer_http_requests")
                    .description("Answered HTTP requests.")
                    .tag("method", Routes.METHODS.contains(method) ? method : "other")
                    .tag("handler", ctx.get(ROUTE, "none"))
                    .tag(
                            "status",
                            done.failed()
                                    ? "aborted"
                                    : Integer.toString(ctx.response().getStatusCode()))
                    .register(registry)
                    .increment();
        });
        ctx.next();
    }

    /** Remembers which route a request belongs to; the first handler of every route. */
    static void matched(RoutingContext ctx, String route) {
        ctx.put(ROUTE, route);
        ctx.next();
    }

    private void gauge(String name, String description, Engine engine, ToDoubleFunction<EngineStatus> value) {
        Gauge.builder(name, engine, source -> value.applyAsDouble(source.status()))
                .description(description)
                .strongReference(true)
                .register(registry);
    }

    private static double kvUsage(EngineStatus status) {
        return status.kvBytesLimit() == 0 ? 0 : (double) status.kvBytesUsed() / status.kvBytesLimit();
    }
}
