package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Draw;
import dev.slayer.server.engine.Outputs;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.block.BlockStack;
import dev.slayer.server.engine.block.Wanted;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Turns rows of the last slot into tokens, scores, logits and hidden states on the device, some rows at a time; only what was asked
 * for crosses the bus. The engine's thread only.
 */
final class PackedHead implements AutoCloseable {
    /** Rows of logits that cross the bus at once. */
    private static final int DOWNLOADED = 8;

    private final ModelConfig config;
    private final PackedOptions options;
    private final Accelerator accelerator;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final PackedScores scores;
    private final StepData data;
    private final Binding draw;
    private final Binding greedy;
    private final DeviceSlice rows;
    private final DeviceSlice logits;
    private final DeviceSlice tokens;
    private final MemorySegment hostRows;
    private final MemorySegment hostTokens;
    private final float[] row;
    private final float[] hidden;

    /** @throws dev.slayer.surgery.SlayerException if the device has no memory left; nothing is left behind then */
    PackedHead(PackedSessions sessions, ModelConfig config, PackedOptions options, Accelerator accelerator) {
        this.config = config;
        this.options = options;
        this.accelerator = accelerator;
        int most = options.headRows();
        long vocabulary = config.vocabularySize() * (long) Float.BYTES;
        long width = config.hiddenSize() * (long) Float.BYTES;
        try {
            this.scores = own(new PackedScores(sessions, config.vocabularySize(), most, accelerator));
            this.data = own(new StepData(accelerator));
            this.draw = own(sessions.draw.bind());
            this.greedy = own(sessions.greedy.bind());
            this.rows = own(accelerator.allocate(most * rowBytes())).all();
            this.logits = own(accelerator.allocate(most * Math.max(vocabulary, width)))
                    .all();
            this.tokens = own(accelerator.allocate((long) most * Long.BYTES)).all();
            this.hostRows = own(accelerator.allocateHost(
                            Math.max(Math.min(most, DOWNLOADED) * vocabulary, most * width)))
                    .segment();
            this.hostTokens =
                    own(accelerator.allocateHost((long) most * Long.BYTES)).segment();
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        this.row = new float[config.vocabularySize()];
        this.hidden = new float[config.hiddenSize()];
    }

    private long rowBytes() {
        return (long) config.hiddenSize() * options.type().bytes();
    }

    /**
     * Hands over what the chunks ask for, of each chunk in the order of its positions. Waits for the device.
     *
     * @param last rows after their last slots, in the order of the chunks: [rows, hidden]
     */
    void run(List<Chunk> chunks, DeviceSlice last, Runner.Sink sink) {
        each(chunks, Outputs::any, (head, wanted) -> tell(head, wanted, last, sink));
        each(chunks, Outputs::draws, (head, wanted) -> draw(head, wanted, last, sink));
        each(chunks, Outputs::hidden, (head, wanted) -> hidden(head, wanted, last, sink));
    }

    /** Something done with rows that end in the same weights. */
    @FunctionalInterface
    private interface Work {
        void on(PackedHeadWeights head, List<Wanted> wanted);
    }

    private void each(List<Chunk> chunks, Wanted.Which which, Work work) {
        Wanted.by(chunks, chunk -> (PackedHeadWeights) ((BlockStack) chunk.stack()).head(), which)
                .forEach((head, wanted) -> Wanted.inParts(wanted, options.headRows(), some -> work.on(head, some)));
    }

    private void tell(PackedHeadWeights head, List<Wanted> wanted, DeviceSlice last, Runner.Sink sink) {
        computeLogits(head, wanted, last);
        OptionalInt most = wanted.stream()
                .filter(Wanted::scored)
                .mapToInt(one -> one.chunk().outputs().top())
                .max();
        Optional<PackedScores.Results> results =
                most.isPresent() ? Optional.of(scored(wanted, most.getAsInt())) : Optional.empty();
        int from = 0;
        int to = 0;
        for (int i = 0; i < wanted.size(); i++) {
            Wanted one = wanted.get(i);
            if (one.scored()) {
                int top = one.chunk().outputs().top();
                sink.score(one.index(), one.position(), results.orElseThrow().score(i, one.target(), top));
            }
            if (one.told()) {
                if (i >= to) {
                    from = i;
                    to = Math.min(wanted.size(), i + DOWNLOADED);
                    bring(logits(from, to));
                }
                read(i - from, row);
                sink.logits(one.index(), one.position(), row);
            }
        }
    }

    private PackedScores.Results scored(List<Wanted> wanted, int top) {
        int size = wanted.size();
        long bytes = (long) size * Long.BYTES;
        data.begin(StepData.aligned(bytes));
        StepData.Region targets = data.add(bytes);
        for (int i = 0; i < size; i++) {
            targets.host().setAtIndex(JAVA_LONG, i, wanted.get(i).target());
        }
        data.send();
        PackedScores.Results results = scores.compute(logits(0, size), targets.device(), size, top);
        accelerator.await();
        return results;
    }

    private void draw(PackedHeadWeights head, List<Wanted> wanted, DeviceSlice last, Runner.Sink sink) {
        computeLogits(head, wanted, last);
        int size = wanted.size();
        DeviceSlice drawn = tokens.slice(0, (long) size * Long.BYTES);
        boolean allGreedy = wanted.stream().allMatch(one -> draw(one).temperature() == 0);
        Queued.run(
                accelerator,
                (allGreedy ? greedy : withNumbers(wanted))
                        .input("logits", ElementType.FLOAT, logits(0, size), size, config.vocabularySize())
                        .output("tokens", ElementType.INT64, drawn, size, 1));
        accelerator.download(drawn, hostTokens.asSlice(0, drawn.bytes()));
        int top = wanted.stream().mapToInt(one -> draw(one).top()).max().orElse(-1);
        Optional<PackedScores.Results> results =
                top < 0 ? Optional.empty() : Optional.of(scores.compute(logits(0, size), drawn, size, top));
        accelerator.await();
        for (int i = 0; i < size; i++) {
            Wanted one = wanted.get(i);
            int token = checked(hostTokens.getAtIndex(JAVA_LONG, i));
            int index = i;
            sink.drawn(
                    one.index(),
                    one.position(),
                    token,
                    results.filter(all -> draw(one).scored())
                            .map(all -> all.score(index, token, draw(one).top())));
        }
    }

    private int checked(long token) {
        if (token < 0 || token >= config.vocabularySize()) {
            throw SlayerException.internal(
                    "the device drew token " + token + "; there are 0 to " + (config.vocabularySize() - 1), null);
        }
        return (int) token;
    }

    private static Draw draw(Wanted wanted) {
        return wanted.chunk().outputs().draw().orElseThrow();
    }

    /** The draw, told what it needs to know of each row. */
    private Binding withNumbers(List<Wanted> wanted) {
        int size = wanted.size();
        long bytes = (long) size * Float.BYTES;
        data.begin(2 * StepData.aligned(bytes) + StepData.aligned(size));
        StepData.Region temperature = data.add(bytes);
        StepData.Region uniform = data.add(bytes);
        StepData.Region greedy = data.add(size);
        for (int i = 0; i < size; i++) {
            Draw one = draw(wanted.get(i));
            boolean best = one.temperature() == 0;
            temperature.host().setAtIndex(JAVA_FLOAT, i, best ? 1 : one.temperature());
            uniform.host().setAtIndex(JAVA_FLOAT, i, one.uniform());
            greedy.host().set(JAVA_BYTE, i, (byte) (best ? 1 : 0));
        }
        data.send();
        return draw.input("temperature", ElementType.FLOAT, temperature.device(), size, 1)
                .input("uniform", ElementType.FLOAT, uniform.device(), size, 1)
                .input("greedy", ElementType.BOOL, greedy.device(), size, 1);
    }

    private void hidden(PackedHeadWeights head, List<Wanted> wanted, DeviceSlice last, Runner.Sink sink) {
        int size = wanted.size();
        DeviceSlice normed = logits.slice(0, (long) size * hidden.length * Float.BYTES); // nobody needs those now
        Queued.run(
                accelerator,
                head.toNormed()
                        .input("hidden", options.type(), gathered(wanted, last), size, config.hiddenSize())
                        .output("normed_wide", ElementType.FLOAT, normed, size, config.hiddenSize()));
        bring(normed);
        for (int i = 0; i < size; i++) {
            read(i, hidden);
            sink.hidden(wanted.get(i).index(), wanted.get(i).position(), hidden);
        }
    }

    private void computeLogits(PackedHeadWeights head, List<Wanted> wanted, DeviceSlice last) {
        int size = wanted.size();
        Queued.run(
                accelerator,
                head.toLogits()
                        .input("hidden", options.type(), gathered(wanted, last), size, config.hiddenSize())
                        .output("logits", ElementType.FLOAT, logits(0, size), size, config.vocabularySize()));
    }

    /** Rows of interest side by side: where they are if they lie so, otherwise copied. */
    private DeviceSlice gathered(List<Wanted> wanted, DeviceSlice last) {
        int size = wanted.size();
        int first = wanted.getFirst().row();
        if (wanted.getLast().row() - first == size - 1) {
            return last.slice(first * rowBytes(), size * rowBytes());
        }
        for (int at = 0; at < size; ) {
            int end = at + 1;
            while (end < size && wanted.get(end).row() == wanted.get(end - 1).row() + 1) {
                end++;
            }
            long bytes = (end - at) * rowBytes();
            accelerator.copy(last.slice(wanted.get(at).row() * rowBytes(), bytes), rows.slice(at * rowBytes(), bytes));
            at = end;
        }
        return rows.slice(0, size * rowBytes());
    }

    private DeviceSlice logits(int from, int to) {
        long bytes = config.vocabularySize() * (long) Float.BYTES;
        return logits.slice(from * bytes, (to - from) * bytes);
    }

    private void bring(DeviceSlice some) {
        accelerator.download(some, hostRows.asSlice(0, some.bytes()));
        accelerator.await();
    }

    private void read(int index, float[] target) {
        MemorySegment.copy(hostRows, JAVA_FLOAT, (long) index * target.length * Float.BYTES, target, 0, target.length);
    }

    private <T extends AutoCloseable> T own(T part) {
        opened.push(part);
        return part;
    }

    @Override
    public void close() {
        Closing.all(opened);
    }
}
