package dev.slayer.training.parallel;

import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.Peers;
import dev.slayer.training.torch.LibTorch;
import dev.slayer.training.torch.Tensors;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GlooDeviceVector;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Work;

/**
 * Processes of one machine that sum over a loopback connection. The first one {@link #host}s the place where they meet, starts the others,
 * then all {@link Meeting#join}. If one goes, the next sum of the others fails. The training thread only.
 */
public final class GlooPeers implements Peers {
    private static final String LOOPBACK = "127.0.0.1";

    private final Meeting meeting;
    private final int rank;
    private final ProcessGroupGloo group;

    private GlooPeers(Meeting meeting, int rank) {
        this.meeting = meeting;
        this.rank = rank;
        try (PointerScope _ = new PointerScope()) {
            ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create();
            options.devices(new GlooDeviceVector(ProcessGroupGloo.createDeviceForHostname(LOOPBACK)));
            group = new ProcessGroupGloo(meeting.store, rank, meeting.size, options);
            var _ = group.retainReference();
        } catch (RuntimeException e) {
            throw SlayerException.internal(
                    "process " + rank + " of " + meeting.size + " did not meet the others: " + firstLine(e), e);
        }
    }

    /** Where processes find each other. */
    public static final class Meeting implements AutoCloseable {
        private final TCPStore store;
        private final int size;

        private Meeting(TCPStore store, int size) {
            this.store = store;
            this.size = size;
        }

        /** The port at which the others are to ask. */
        public int port() {
            return Short.toUnsignedInt(store.getPort());
        }

        /** Waits until all are there. */
        public GlooPeers join(int rank) {
            return new GlooPeers(this, rank);
        }

        @Override
        public void close() {
            store.close();
        }
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
            throw SlayerException.internal("no meeting at port " + port + ": " + firstLine(e), e);
        }
    }

    private static String firstLine(RuntimeException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return meeting.size;
    }

    @Override
    public void sum(Tensor vector) {
        try (PointerScope _ = new PointerScope()) {
            Work work = group.allreduce(new TensorVector(vector));
            if (!work._wait()) {
                throw new IllegalStateException("the sum was not made");
            }
        } catch (RuntimeException e) {
            throw new SlayerException(
                    500,
                    "peer_lost",
                    "nproc",
                    "another process of this run is gone: " + firstLine(e) + "; go on from the last checkpoint",
                    e);
        }
    }

    @Override
    public double sum(double value) {
        try (PointerScope _ = new PointerScope()) {
            Tensor one = Tensors.of(new double[] {value});
            sum(one);
            return one.item_double();
        }
    }

    @Override
    public void close() {
        group.close();
        meeting.close();
    }
}
