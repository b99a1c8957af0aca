package dev.slayer.server.jobs;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.store.StoredJob;
import dev.slayer.surgery.SlayerException;
import java.time.Instant;

/**
 * A training job at one moment.
 *
 * @param position in the queue: lower comes first
 */
public record Job(String id, Instant created, JobStatus status, long position, JobPlan plan, JobProgress progress) {
    private static final ObjectMapper JSON = new ObjectMapper();

    private record Document(JobPlan plan, JobProgress progress) {}

    static Job of(StoredJob stored) {
        try {
            Document document = JSON.readValue(stored.document(), Document.class);
            return new Job(
                    stored.id(),
                    stored.created(),
                    JobStatus.of(stored.status()),
                    stored.position(),
                    document.plan,
                    document.progress);
        } catch (JsonProcessingException | IllegalArgumentException e) {
            throw SlayerException.internal("the record of the job " + stored.id() + " cannot be read: " + e, e);
        }
    }

    StoredJob stored() {
        try {
            return new StoredJob(
                    id, created, status.text(), position, JSON.writeValueAsString(new Document(plan, progress)));
        } catch (JsonProcessingException e) {
            throw SlayerException.internal("the record of the job " + id + " cannot be written: " + e, e);
        }
    }

    Job as(JobStatus next) {
        return new Job(id, created, next, position, plan, progress);
    }

    Job at(long place) {
        return new Job(id, created, status, place, plan, progress);
    }

    Job with(JobProgress next) {
        return new Job(id, created, status, position, plan, next);
    }

    /** What its result is called, if it has one. */
    public String fineTunedModel() {
        return status == JobStatus.SUCCEEDED ? plan.name() : null;
    }
}
