package dev.slayer.training.parallel;

import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.Peers;
import dev.slayer.training.torch.LibTorch;
import dev.slayer.training.torch.Placement;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.bytedeco.pytorch.nccl.ProcessGroupNCCL;

/**
 * Where processes of one machine find each other, over a loopback connection. The first one hosts it, starts the others, then all join.
 * The training thread only.
 */
public final class Meeting implements AutoCloseable {
    private static final String LOOPBACK = "127.0.0.1";

    private final TCPStore store;
    private final int size;

    private Meeting(TCPStore store, int size) {
        this.store = store;
        this.size = size;
    }

    /** Opens the meeting of so many processes, at any free port of the loopback interface. */
    public static Meeting host(int size) {
        return meet(size, 0, true);
    }

    /** Finds the meeting that another process hosts. */
    public static Meeting find(int size, int port) {
        return meet(size, port, false);
    }

    private static Meeting meet(int size, int port, boolean host) {
        LibTorch.start(1);
        try (PointerScope _ = new PointerScope()) {
            TCPStoreOptions options = new TCPStoreOptions();
            options.port((short) port).isServer(host).waitWorkers(false);
            TCPStore store = new TCPStore(LOOPBACK, options);
            var _ = store.retainReference();
            return new Meeting(store, size);
        } catch (RuntimeException e) {
            throw SlayerException.internal("no meeting at port " + port + ": " + GroupPeers.firstLine(e), e);
        }
    }

    /** The port at which the others are to ask. */
    public int port() {
        return Short.toUnsignedInt(store.getPort());
    }

    /**
     * Waits until all are there.
     *
     * @param device of the run: on the CPU they sum by Gloo; with {@code cuda} each has the device of its rank, and they sum by NCCL
     * @return closes this meeting when it is closed
     * @throws SlayerException 400 if there is no such device, 500 if the others do not come
     */
    public Peers join(int rank, String device) {
        Placement placement = Placement.of(device, "float32", rank, size);
        try (PointerScope _ = new PointerScope()) {
            Backend group = placement.cuda() ? nccl(rank) : gloo(rank);
            var _ = group.retainReference();
            return new GroupPeers(this, rank, group, placement);
        } catch (RuntimeException e) {
            throw SlayerException.internal(
                    "process " + rank + " of " + size + " did not meet the others: " + GroupPeers.firstLine(e), e);
        }
    }

    private ProcessGroupGloo gloo(int rank) {
        ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create();
        options.devices(new GlooDeviceVector(ProcessGroupGloo.createDeviceForHostname(LOOPBACK)));
        return new ProcessGroupGloo(store, rank, size, options);
    }

    private ProcessGroupNCCL nccl(int rank) {
        return new ProcessGroupNCCL(store, rank, size, ProcessGroupNCCL.Options.create());
    }

    int size() {
        return size;
    }

    @Override
    public void close() {
        store.close();
    }
}
