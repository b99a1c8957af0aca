package dev.slayer.server.api;

import dev.slayer.server.jobs.FineTuningJobs;
import dev.slayer.server.jobs.Job;
import dev.slayer.server.store.Listed;
import dev.slayer.server.store.Page;
import dev.slayer.server.store.StoredCheckpoint;
import dev.slayer.surgery.SlayerException;
import io.vertx.ext.web.RoutingContext;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;

/** /v1/fine_tuning/jobs and what lies below it; DELETE /v1/models/{id}. */
final class JobsHandler {
    /** Name of the path parameter. */
    static final String PARAMETER = "job_id";

    private static final int JOBS = 20;
    private static final int EVENTS = 20;
    private static final int CHECKPOINTS = 10;
    private static final int MOST = 1000;
    private static final String METADATA = "metadata";

    private final ApiScope scope;

    JobsHandler(ApiScope scope) {
        this.scope = scope;
    }

    void create(RoutingContext ctx) {
        byte[] body = BodyReader.body(ctx);
        Answer.with(
                ctx,
                scope,
                200,
                () -> ListQuery.document(JobView.job(scope.training().create(JobBody.read(Json.parse(body))))));
    }

    void list(RoutingContext ctx) {
        Answer.with(ctx, scope, 200, () -> {
            Page page = ListQuery.page(ctx, JOBS, MOST);
            boolean without =
                    ListQuery.parameter(ctx, METADATA).filter("null"::equals).isPresent();
            return ListQuery.document(scope.training().list(metadata(ctx), without, page), JobView::job);
        });
    }

    /** {@code metadata[key]=value} parameters. */
    private static Optional<Map<String, String>> metadata(RoutingContext ctx) {
        Map<String, String> wanted = new LinkedHashMap<>();
        for (Map.Entry<String, String> parameter : ctx.queryParams()) {
            String name = parameter.getKey();
            if (name.startsWith(METADATA + "[") && name.endsWith("]")) {
                wanted.put(name.substring(METADATA.length() + 1, name.length() - 1), parameter.getValue());
            }
        }
        return wanted.isEmpty() ? Optional.empty() : Optional.of(wanted);
    }

    void one(RoutingContext ctx) {
        with(ctx, FineTuningJobs::get);
    }

    void cancel(RoutingContext ctx) {
        with(ctx, FineTuningJobs::cancel);
    }

    void pause(RoutingContext ctx) {
        with(ctx, FineTuningJobs::pause);
    }

    void resume(RoutingContext ctx) {
        with(ctx, FineTuningJobs::resume);
    }

    private void with(RoutingContext ctx, BiFunction<FineTuningJobs, String, Job> action) {
        String id = ctx.pathParam(PARAMETER);
        Answer.with(ctx, scope, 200, () -> ListQuery.document(JobView.job(action.apply(scope.training(), id))));
    }

    void events(RoutingContext ctx) {
        String id = ctx.pathParam(PARAMETER);
        Answer.with(ctx, scope, 200, () -> {
            Page page = ListQuery.page(ctx, EVENTS, MOST);
            return ListQuery.document(scope.training().events(id, page), JobView::event);
        });
    }

    void checkpoints(RoutingContext ctx) {
        String id = ctx.pathParam(PARAMETER);
        Answer.with(ctx, scope, 200, () -> {
            Page page = ListQuery.page(ctx, CHECKPOINTS, MOST);
            FineTuningJobs jobs = scope.training();
            Listed<StoredCheckpoint> listed = jobs.checkpoints(id, page);
            String served = jobs.get(id).fineTunedModel();
            long last = jobs.checkpoints(id, new Page(Optional.empty(), 1, true)).entries().stream()
                    .mapToLong(StoredCheckpoint::step)
                    .findFirst()
                    .orElse(0);
            return ListQuery.document(
                    listed, checkpoint -> JobView.checkpoint(checkpoint, checkpoint.step() == last ? served : null));
        });
    }

    /** Takes back what a job has made: it is served no longer, and its delta is deleted. Answers when nobody uses it any more. */
    void deleteModel(RoutingContext ctx) {
        String name = ctx.pathParam("id");
        Answer.later(ctx, scope, () -> {
            if (!scope.training().made(name)) {
                scope.models().resolve(name);
                throw new SlayerException(
                        403,
                        "model_not_deletable",
                        "model",
                        "The model '" + Excerpt.of(name)
                                + "' was made by no fine-tuning job of this server; variants are"
                                + " deleted by DELETE /v1/variants/NAME, checkpoints and deltas unloaded.",
                        null);
            }
            return unloaded(name).thenApplyAsync(done -> {
                scope.desk().remove(name);
                scope.metrics().forget(name);
                return new Answer.Reply(
                        200,
                        ListQuery.document(Json.MAPPER
                                .createObjectNode()
                                .put("id", name)
                                .put("object", "model")
                                .put("deleted", true)));
            });
        });
    }

    /** One that was unloaded before still lies in its folder. */
    private CompletableFuture<Void> unloaded(String name) {
        boolean served =
                scope.deltas().all().stream().anyMatch(entry -> entry.name().equals(name));
        if (!served && !scope.desk().has(name)) {
            throw ModelNames.notFound(
                    name,
                    scope.models().models().stream().map(ServedModel::name).toList());
        }
        return served ? scope.deltas().unload(name) : CompletableFuture.completedFuture(null);
    }
}
