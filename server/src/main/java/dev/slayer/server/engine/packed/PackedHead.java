package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostMemory;
import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.TokenScore;
import dev.slayer.server.engine.block.BlockStack;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Turns rows of the last slot into logits and scores on the device, some rows at a time; only what was asked for crosses the bus. The
 * engine's thread only.
 */
final class PackedHead implements AutoCloseable {
    /** Rows of logits that cross the bus at once. */
    private static final int DOWNLOADED = 8;

    private final ModelConfig config;
    private final PackedOptions options;
    private final Accelerator accelerator;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final Binding scores;
    private final DeviceSlice rows;
    private final DeviceSlice logits;
    private final DeviceSlice targets;
    private final DeviceSlice results;
    private final MemorySegment hostTargets;
    private final MemorySegment hostLogits;
    private final MemorySegment hostResults;
    private final MemorySegment top;
    private final float[] row;
    private DeviceMemory named;
    private HostMemory hostNamed;

    PackedHead(PackedSessions sessions, ModelConfig config, PackedOptions options, Accelerator accelerator) {
        this.config = config;
        this.options = options;
        this.accelerator = accelerator;
        int most = options.headRows();
        long vocabulary = config.vocabularySize() * (long) Float.BYTES;
        try {
            this.scores = own(sessions.scores.bind());
            this.rows = own(accelerator.allocate(most * rowBytes())).all();
            this.logits = own(accelerator.allocate(most * vocabulary)).all();
            this.targets = own(accelerator.allocate((long) most * Long.BYTES)).all();
            this.results = own(accelerator.allocate(2L * most * Float.BYTES)).all();
            this.hostTargets =
                    own(accelerator.allocateHost((long) most * Long.BYTES)).segment();
            this.hostLogits = own(accelerator.allocateHost(Math.min(most, DOWNLOADED) * vocabulary))
                    .segment();
            this.hostResults =
                    own(accelerator.allocateHost(2L * most * Float.BYTES)).segment();
            this.top = own(accelerator.allocateHost(Long.BYTES)).segment();
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        this.row = new float[config.vocabularySize()];
    }

    private long rowBytes() {
        return (long) config.hiddenSize() * options.type().bytes();
    }

    /** A row of interest: its chunk, its position in the sequence and its place in the matrix. */
    private record Wanted(int index, Chunk chunk, int position, int row) {
        boolean scored() {
            return chunk.outputs().scores(position);
        }

        boolean told() {
            return chunk.outputs().logits(position);
        }

        int target() {
            return scored() ? chunk.tokens()[position + 1] : 0;
        }
    }

    /**
     * Hands over what the chunks ask for, of each chunk in the order of its positions. Waits for the device.
     *
     * @param last rows after their last slots, in the order of the chunks: [rows, hidden]
     */
    void run(List<Chunk> chunks, DeviceSlice last, Runner.Sink sink) {
        Map<PackedEnds, List<Wanted>> wanted = new LinkedHashMap<>();
        int first = 0;
        for (int i = 0; i < chunks.size(); i++) {
            Chunk chunk = chunks.get(i);
            PackedEnds head = (PackedEnds) ((BlockStack) chunk.stack()).head();
            for (int position = chunk.from(); position < chunk.end(); position++) {
                if (chunk.outputs().any(position)) {
                    wanted.computeIfAbsent(head, ends -> new ArrayList<>())
                            .add(new Wanted(i, chunk, position, first + position - chunk.from()));
                }
            }
            first += chunk.count();
        }
        wanted.forEach((head, rowsOfIt) -> {
            for (int at = 0; at < rowsOfIt.size(); at += options.headRows()) {
                some(head, rowsOfIt.subList(at, Math.min(at + options.headRows(), rowsOfIt.size())), last, sink);
            }
        });
    }

    private void some(PackedEnds head, List<Wanted> wanted, DeviceSlice last, Runner.Sink sink) {
        computeLogits(head, wanted, last);
        OptionalInt most = wanted.stream()
                .filter(Wanted::scored)
                .mapToInt(one -> one.chunk().outputs().top())
                .max();
        int names = Math.clamp(most.orElse(0), 1, config.vocabularySize());
        if (most.isPresent()) {
            computeScores(wanted, names);
        }
        int from = 0;
        int to = 0;
        for (int i = 0; i < wanted.size(); i++) {
            Wanted one = wanted.get(i);
            if (one.scored()) {
                sink.score(one.index(), one.position(), score(one, i, names, wanted.size()));
            }
            if (one.told()) {
                if (i >= to) {
                    from = i;
                    to = Math.min(wanted.size(), i + DOWNLOADED);
                    download(from, to);
                }
                tell(one, i - from, sink);
            }
        }
    }

    private void computeLogits(PackedEnds head, List<Wanted> wanted, DeviceSlice last) {
        int size = wanted.size();
        int first = wanted.getFirst().row();
        boolean together = wanted.getLast().row() - first == size - 1;
        if (!together) {
            gather(wanted, last);
        }
        DeviceSlice in =
                together ? last.slice(first * rowBytes(), size * rowBytes()) : rows.slice(0, size * rowBytes());
        head.binding()
                .input("hidden", options.type(), in, size, config.hiddenSize())
                .output("logits", ElementType.FLOAT, logits(0, size), size, config.vocabularySize())
                .queue(-1);
    }

    private void gather(List<Wanted> wanted, DeviceSlice last) {
        for (int at = 0; at < wanted.size(); ) {
            int end = at + 1;
            while (end < wanted.size()
                    && wanted.get(end).row() == wanted.get(end - 1).row() + 1) {
                end++;
            }
            long bytes = (end - at) * rowBytes();
            accelerator.copy(last.slice(wanted.get(at).row() * rowBytes(), bytes), rows.slice(at * rowBytes(), bytes));
            at = end;
        }
    }

    private DeviceSlice logits(int from, int to) {
        long bytes = config.vocabularySize() * (long) Float.BYTES;
        return logits.slice(from * bytes, (to - from) * bytes);
    }

    private void download(int from, int to) {
        DeviceSlice some = logits(from, to);
        accelerator.download(some, hostLogits.asSlice(0, some.bytes()));
        accelerator.await();
    }

    private void tell(Wanted wanted, int at, Runner.Sink sink) {
        MemorySegment.copy(hostLogits, JAVA_FLOAT, (long) at * row.length * Float.BYTES, row, 0, row.length);
        sink.logits(wanted.index(), wanted.position(), row);
    }

    /** Log-probabilities and ranks lie one after the other in the results, tokens and log-probabilities likewise in the named. */
    private void computeScores(List<Wanted> wanted, int names) {
        int size = wanted.size();
        for (int i = 0; i < size; i++) {
            hostTargets.setAtIndex(JAVA_LONG, i, wanted.get(i).target());
        }
        top.set(JAVA_LONG, 0, names);
        makeRoom(names);
        long numbers = (long) size * Float.BYTES;
        long tokens = (long) size * names * Long.BYTES;
        long values = (long) size * names * Float.BYTES;
        accelerator.upload(
                hostTargets.asSlice(0, (long) size * Long.BYTES), targets.slice(0, (long) size * Long.BYTES));
        DeviceSlice names64 = named.all();
        scores.input("logits", ElementType.FLOAT, logits(0, size), size, config.vocabularySize())
                .input("targets", ElementType.INT64, targets.slice(0, (long) size * Long.BYTES), size, 1)
                .input("top", ElementType.INT64, top, 1)
                .output("logprobs", ElementType.FLOAT, results.slice(0, numbers), size, 1)
                .output("above", ElementType.INT32, results.slice(numbers, numbers), size, 1)
                .output("top_tokens", ElementType.INT64, names64.slice(0, tokens), size, names)
                .output("top_logprobs", ElementType.FLOAT, names64.slice(tokens, values), size, names)
                .queue(-1);
        accelerator.download(results.slice(0, 2 * numbers), hostResults.asSlice(0, 2 * numbers));
        accelerator.download(
                names64.slice(0, tokens + values), hostNamed.segment().asSlice(0, tokens + values));
        accelerator.await();
    }

    private TokenScore score(Wanted wanted, int index, int names, int size) {
        int count = Math.min(wanted.chunk().outputs().top(), names);
        int[] tokens = new int[count];
        float[] values = new float[count];
        MemorySegment best = hostNamed.segment();
        for (int i = 0; i < count; i++) {
            long at = (long) index * names + i;
            tokens[i] = (int) best.getAtIndex(JAVA_LONG, at);
            values[i] = best.get(JAVA_FLOAT, (long) size * names * Long.BYTES + at * Float.BYTES);
        }
        float logprob = hostResults.getAtIndex(JAVA_FLOAT, index);
        int above = hostResults.getAtIndex(JAVA_INT, (long) size + index);
        return new TokenScore(wanted.target(), logprob, above + 1, tokens, values);
    }

    private void makeRoom(int names) {
        long bytes = (long) options.headRows() * names * (Long.BYTES + Float.BYTES);
        if (named == null || named.bytes() < bytes) {
            closeNamed();
            named = accelerator.allocate(bytes);
            hostNamed = accelerator.allocateHost(bytes);
        }
    }

    private void closeNamed() {
        if (named != null) {
            named.close();
            named = null;
        }
        if (hostNamed != null) {
            hostNamed.close();
            hostNamed = null;
        }
    }

    private <T extends AutoCloseable> T own(T part) {
        opened.push(part);
        return part;
    }

    @Override
    public void close() {
        closeNamed();
        Closing.all(opened);
    }
}
