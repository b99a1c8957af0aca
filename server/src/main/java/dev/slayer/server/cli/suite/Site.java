package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.Device;
import dev.slayer.server.engine.block.MemoryPlan;
import dev.slayer.server.engine.block.Probe;
import dev.slayer.server.engine.block.WeightType;
import java.util.Map;
import java.util.OptionalLong;

/** Where the suite computes. Opens the device as often as asked, one at a time. */
public interface Site {
    /** What people call it, such as {@code cuda:0 (NVIDIA H200)}. */
    String name();

    /** Versions of what was found, by name, for the report. */
    Map<String, String> facts();

    /** How weights are kept there, and with them activations and KV. */
    WeightType type();

    /** Whether all of its KV is one piece of memory, taken at the start, so that how far pages reach is worth a look. */
    boolean pagesKv();

    /** What training recipes and Python call it: {@code cpu} or {@code cuda:0}. */
    String trainingDevice();

    /** Bytes of memory that training may take. */
    long trainingBytes();

    /** Where the same is computed in float32, to compare numbers with. */
    Site reference();

    /** For its limits. */
    Probe probe();

    /** The device, fresh. */
    Opened open(DerivedBlocks limits);

    /**
     * An open device.
     *
     * @param device to be closed by whoever opened it
     * @param place its memory
     * @param kvBytes for running sequences' KV; empty for what is left
     */
    record Opened(Device device, MemoryPlan.Place place, OptionalLong kvBytes) {}
}
