package dev.slayer.server.jobs;

import java.util.List;

/**
 * How far a job has come.
 *
 * @param validated whether its files have been looked at
 * @param trainedTokens so far, or null before the first step
 * @param estimatedFinish Unix seconds, or null if it is not running
 * @param finishedAt Unix seconds, or null if it has not ended
 * @param error why it failed, or null
 * @param resultFiles ids
 */
public record JobProgress(
        boolean validated,
        Long trainedTokens,
        Long estimatedFinish,
        Long finishedAt,
        JobError error,
        List<String> resultFiles) {
    static final JobProgress NONE = new JobProgress(false, null, null, null, null, List.of());

    /**
     * Why a job failed, as an error body says it.
     *
     * @param param the field at fault, or null
     */
    public record JobError(String code, String message, String param) {}

    public JobProgress {
        resultFiles = List.copyOf(resultFiles);
    }

    JobProgress checked() {
        return new JobProgress(true, trainedTokens, estimatedFinish, finishedAt, error, resultFiles);
    }

    JobProgress at(Long tokens, Long finish) {
        return new JobProgress(validated, tokens, finish, finishedAt, error, resultFiles);
    }

    JobProgress ended(long now, JobError why, List<String> files) {
        return new JobProgress(validated, trainedTokens, null, now, why, files);
    }
}
