package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.Kv;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Sampling;
import dev.slayer.server.engine.Scores;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.StopRules;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.MemoryDemand;
import dev.slayer.server.engine.block.MemoryPlan;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.LayoutParameters;
import dev.slayer.surgery.layout.Namespace;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A model being served on a site, in this process and without HTTP. */
final class Bed implements AutoCloseable {
    private static final String MODEL = "model";
    private static final int QUEUE = 1 << 20;
    /** Rows of a sequence that {@link #atTheEndOfKv} leaves room for. */
    private static final int ROWS_LEFT = 512;

    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final Engine engine;
    private final ModelConfig config;
    private final int elementBytes;

    /**
     * Opens the device, uploads the weights and starts an engine.
     *
     * @param prefixCache whether there is one
     * @throws SlayerException if the model does not fit
     */
    Bed(Site site, Shape shape, Path folder, boolean prefixCache) {
        this(site, shape, folder, prefixCache, false);
    }

    /** One without a prefix cache whose KV is taken but for its last pages: their addresses are the largest there can be. */
    static Bed atTheEndOfKv(Site site, Shape shape, Path folder) {
        return new Bed(site, shape, folder, false, true);
    }

    private Bed(Site site, Shape shape, Path folder, boolean prefixCache, boolean onlyEndOfKv) {
        Scale.EngineScale scale = shape.scale().engine();
        this.config = shape.config();
        this.elementBytes = site.type().bits() / Byte.SIZE;
        long derivedBytes =
                (shape.scale().layouts().averages() + 1L) * config.parameters().layer() * elementBytes;
        try {
            Checkpoint checkpoint = own(Checkpoint.open(folder));
            Site.Opened place = site.open(new DerivedBlocks(derivedBytes, Duration.ofMinutes(10)));
            own(place.device());
            long prefixBytes = prefixCache ? scale.prefixBytes() : 0;
            MemoryDemand demand = new MemoryDemand(
                    Map.of(MODEL, config),
                    site.type(),
                    scale.maxRows(),
                    0,
                    derivedBytes,
                    place.kvBytes(),
                    prefixBytes,
                    0);
            KvMemory kv = own(
                    place.device().kvMemory(MemoryPlan.of(place.place(), demand).kvBytes()));
            Runner runner = place.device().runner(MODEL, checkpoint, site.type(), kv, scale.maxRows());
            EngineSettings settings =
                    new EngineSettings(scale.maxSequences(), QUEUE, scale.maxRows(), kv.limitBytes(), prefixBytes);
            opened.pop(); // the engine's from now on
            this.engine = own(Engine.start(
                    settings,
                    kv,
                    List.of(new EngineModel(MODEL, runner, Tokenizer.bytes().vocabulary())),
                    new SimpleMeterRegistry()));
            if (onlyEndOfKv) {
                takeKv(runner, kv);
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private void takeKv(Runner runner, KvMemory kv) {
        Kv taken = own(runner.openKv(base()));
        reserve(taken, 1);
        int page = taken.capacity();
        long there = kv.limitBytes() - runner.kvBytes(base(), ROWS_LEFT + page);
        reserve(taken, Math.max(1, there / runner.kvBytes(base(), page)) * page);
    }

    private static void reserve(Kv kv, long rows) {
        if (!kv.reserve(Math.toIntExact(rows), 0)) {
            throw SlayerException.internal("KV of " + rows + " rows could not be taken, though nobody has any", null);
        }
    }

    private <T extends AutoCloseable> T own(T part) {
        opened.push(part);
        return part;
    }

    Engine engine() {
        return engine;
    }

    ModelConfig config() {
        return config;
    }

    /** The model as it is. */
    Layout base() {
        return Layout.identity(config.layers());
    }

    /** The base with an edit, such as {@code remove} of {@code 3,4}. */
    Layout edited(String parameter, String value) {
        return LayoutParameters.of(Map.of(parameter, value))
                .expand(config, base(), Namespace.BASE_ONLY)
                .layout();
    }

    /** What work a stack costs here. */
    ModelCosts costs(Layout layout) {
        return new ModelCosts(config, layout.depth(), elementBytes);
    }

    /** Sequences of so many rows whose KV is there at once. */
    int fitting(int sequences, int rows) {
        double each = costs(base()).kvRowBytes() * rows;
        long most = (long) ((double) engine.status().kvBytesLimit() / each);
        return Math.clamp(most, 1, sequences);
    }

    /** Generates exactly so many tokens. */
    SequenceRequest generating(Layout layout, int[] prompt, int tokens, Scores scores) {
        StopRules stop = new StopRules(tokens, 0, List.of(), Set.of(), true, false);
        return new SequenceRequest(MODEL, layout, prompt, Sampling.GREEDY, stop, scores, true);
    }

    /** Generates exactly so many tokens, without scores. */
    SequenceRequest generating(Layout layout, int[] prompt, int tokens) {
        return generating(layout, prompt, tokens, Scores.NONE);
    }

    /** Scores a prompt. */
    SequenceRequest scoring(Layout layout, int[] prompt) {
        return generating(layout, prompt, 0, new Scores(1, false, true));
    }

    @Override
    public void close() {
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw SlayerException.internal("a device could not be closed: " + e, e);
            }
        }
    }
}
