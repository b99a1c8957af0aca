package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.jobs.Job;
import dev.slayer.server.jobs.JobPlan;
import dev.slayer.server.jobs.JobProgress;
import dev.slayer.server.store.StoredCheckpoint;
import dev.slayer.server.store.StoredEvent;
import dev.slayer.surgery.SlayerException;

/** Jobs, events and checkpoints in OpenAI's shapes. */
final class JobView {
    private JobView() {}

    static ObjectNode job(Job job) {
        JobPlan plan = job.plan();
        JobProgress progress = job.progress();
        ObjectNode json = Json.MAPPER
                .createObjectNode()
                .put("id", job.id())
                .put("object", "fine_tuning.job")
                .put("created_at", job.created().getEpochSecond())
                .put("model", plan.model())
                .put("fine_tuned_model", job.fineTunedModel())
                .put("finished_at", progress.finishedAt())
                .put("organization_id", "slayer")
                .put("status", job.status().text())
                .put("trained_tokens", progress.trainedTokens())
                .put("training_file", plan.trainingFile())
                .put("validation_file", plan.validationFile())
                .put("user_provided_suffix", plan.suffix())
                .put("seed", plan.seed())
                .put("estimated_finish", progress.estimatedFinish());
        var files = json.putArray("result_files");
        progress.resultFiles().forEach(files::add);
        json.set("hyperparameters", plan.hyperparameters());
        json.set("method", plan.method());
        json.set("metadata", plan.metadata());
        json.putArray("integrations");
        if (progress.error() == null) {
            json.putNull("error");
        } else {
            json.putObject("error")
                    .put("code", progress.error().code())
                    .put("message", progress.error().message())
                    .put("param", progress.error().param());
        }
        return json;
    }

    static ObjectNode event(StoredEvent event) {
        ObjectNode json = Json.MAPPER
                .createObjectNode()
                .put("id", event.id())
                .put("object", "fine_tuning.job.event")
                .put("created_at", event.created().getEpochSecond())
                .put("level", event.level())
                .put("message", event.message())
                .put("type", event.type());
        json.set("data", tree(event.data()));
        return json;
    }

    /** @param model what the checkpoint is served as, or null if it is not */
    static ObjectNode checkpoint(StoredCheckpoint checkpoint, String model) {
        ObjectNode json = Json.MAPPER
                .createObjectNode()
                .put("id", checkpoint.id())
                .put("object", "fine_tuning.job.checkpoint")
                .put("created_at", checkpoint.created().getEpochSecond())
                .put("fine_tuned_model_checkpoint", model)
                .put("fine_tuning_job_id", checkpoint.job())
                .put("step_number", checkpoint.step());
        json.set("metrics", tree(checkpoint.metrics()));
        return json;
    }

    private static JsonNode tree(String text) {
        try {
            return Json.MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw SlayerException.internal("a stored record is no JSON", e);
        }
    }
}
