package dev.slayer.server.jobs;

import java.util.List;
import java.util.Locale;

/** Where a job stands. */
public enum JobStatus {
    /** The beginning of its files is being read. */
    VALIDATING_FILES,
    /** It waits for the jobs before it. */
    QUEUED,
    RUNNING,
    /** Somebody stopped it; it can be gone on with. Clients of OpenAI do not know this one. */
    PAUSED,
    SUCCEEDED,
    FAILED,
    CANCELLED;

    static final List<JobStatus> WORK = List.of(VALIDATING_FILES, QUEUED, RUNNING, PAUSED);

    /** As clients see it. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    static JobStatus of(String text) {
        return valueOf(text.toUpperCase(Locale.ROOT));
    }

    /** Whether nothing can come after it. */
    public boolean ended() {
        return !WORK.contains(this);
    }
}
