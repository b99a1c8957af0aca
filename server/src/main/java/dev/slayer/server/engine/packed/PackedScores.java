package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostMemory;
import dev.slayer.server.engine.TokenScore;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;

/** Reduces logits on a device to what they say of some tokens, and brings that to the host. The engine's thread only. */
final class PackedScores implements AutoCloseable {
    private final Accelerator accelerator;
    private final int vocabulary;
    private final int mostRows;
    private final Binding binding;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final MemorySegment top;
    private DeviceMemory device;
    private HostMemory host;

    PackedScores(PackedSessions sessions, int vocabulary, int mostRows, Accelerator accelerator) {
        this.accelerator = accelerator;
        this.vocabulary = vocabulary;
        this.mostRows = mostRows;
        this.binding = sessions.scores.bind();
        opened.push(binding);
        try {
            HostMemory one = accelerator.allocateHost(Long.BYTES);
            opened.push(one);
            this.top = one.segment();
            makeRoom(1);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /**
     * What has been brought: tokens [rows, 1] as they were asked for, log-probabilities, ranks less one, and the most probable tokens.
     * Until the next are computed.
     */
    record Results(MemorySegment memory, int rows, int names) {
        private long logprobsAt() {
            return (long) rows * names * Long.BYTES;
        }

        private long aboveAt() {
            return logprobsAt() + (long) rows * Float.BYTES;
        }

        private long topLogprobsAt() {
            return aboveAt() + (long) rows * Integer.BYTES;
        }

        private long bytes() {
            return topLogprobsAt() + (long) rows * names * Float.BYTES;
        }

        /** The score of a row's token, which names so many others. */
        TokenScore score(int row, int token, int top) {
            int count = Math.min(top, names);
            int[] tokens = new int[count];
            float[] values = new float[count];
            for (int i = 0; i < count; i++) {
                long at = (long) row * names + i;
                tokens[i] = (int) memory.getAtIndex(JAVA_LONG, at);
                values[i] = memory.get(JAVA_FLOAT, topLogprobsAt() + at * Float.BYTES);
            }
            float logprob = memory.get(JAVA_FLOAT, logprobsAt() + (long) row * Float.BYTES);
            int above = memory.get(JAVA_INT, aboveAt() + (long) row * Integer.BYTES);
            return new TokenScore(token, logprob, above + 1, tokens, values);
        }
    }

    /**
     * Queues the work; the results can be read after the queue has been waited for.
     *
     * @param logits [rows, vocabulary] float32
     * @param targets [rows, 1] int64
     * @param named how many of the most probable tokens to name
     */
    Results compute(DeviceSlice logits, DeviceSlice targets, int rows, int named) {
        int names = Math.clamp(named, 1, vocabulary);
        makeRoom(names);
        top.set(JAVA_LONG, 0, names);
        Results results = new Results(host.segment(), rows, names);
        DeviceSlice all = device.all();
        long four = (long) rows * Float.BYTES;
        Queued.run(
                accelerator,
                binding.input("logits", ElementType.FLOAT, logits, rows, vocabulary)
                        .input("targets", ElementType.INT64, targets, rows, 1)
                        .input("top", ElementType.INT64, top, 1)
                        .output("top_tokens", ElementType.INT64, all.slice(0, results.logprobsAt()), rows, names)
                        .output("logprobs", ElementType.FLOAT, all.slice(results.logprobsAt(), four), rows, 1)
                        .output("above", ElementType.INT32, all.slice(results.aboveAt(), four), rows, 1)
                        .output(
                                "top_logprobs",
                                ElementType.FLOAT,
                                all.slice(results.topLogprobsAt(), four * names),
                                rows,
                                names));
        accelerator.download(all.slice(0, results.bytes()), host.segment().asSlice(0, results.bytes()));
        return results;
    }

    private void makeRoom(int names) {
        long bytes = (long) mostRows * (names * (Long.BYTES + Float.BYTES) + 2 * Float.BYTES);
        if (device == null || device.bytes() < bytes) {
            DeviceMemory larger = accelerator.allocate(bytes); // first: it may be refused
            HostMemory beside;
            try {
                beside = accelerator.allocateHost(bytes);
            } catch (RuntimeException | Error e) {
                larger.close();
                throw e;
            }
            closeRoom();
            device = larger;
            host = beside;
        }
    }

    private void closeRoom() {
        if (device != null) {
            device.close();
            device = null;
        }
        if (host != null) {
            host.close();
            host = null;
        }
    }

    @Override
    public void close() {
        closeRoom();
        Closing.all(opened);
    }
}
