using System.Text;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Linux.Sockets;

namespace NativeKubelet.Tests.Unit.Linux.Sockets;

public sealed class SeqPacketSocketTests
{
    [Fact]
    public async Task Packets_keep_their_borders_and_carry_fds()
    {
        (SeqPacketSocket one, SeqPacketSocket other) = SeqPacketSocket.Pair();
        using SeqPacketSocket disposeOne = one, disposeOther = other;
        (FileDescriptor read, FileDescriptor write) = Pipe.Create();
        using FileDescriptor disposeRead = read, disposeWrite = write;
        byte[] buffer = new byte[64];

        await one.SendAsync("first"u8.ToArray(), [], default);
        await one.SendAsync("second"u8.ToArray(), [read, write], default);
        Packet first = await other.ReceiveAsync(buffer, default);
        string firstText = Encoding.UTF8.GetString(buffer, 0, first.Length);
        Packet second = await other.ReceiveAsync(buffer, default);

        Assert.Equal("first", firstText);
        Assert.Empty(first.Descriptors);
        Assert.Equal("second", Encoding.UTF8.GetString(buffer, 0, second.Length));
        Assert.Equal(2, second.Descriptors.Length);
        Pipe.Write(second.Descriptors[1], "!"u8);
        Assert.Equal(1, Pipe.Read(read, buffer));
        foreach (FileDescriptor fd in second.Descriptors) fd.Dispose();
    }

    [Fact]
    public async Task A_packet_that_does_not_fit_is_an_error_and_not_half_a_message()
    {
        (SeqPacketSocket one, SeqPacketSocket other) = SeqPacketSocket.Pair();
        using SeqPacketSocket disposeOne = one, disposeOther = other;

        await one.SendAsync(new byte[100], [], default);

        await Assert.ThrowsAsync<InvalidDataException>(() => other.ReceiveAsync(new byte[99], default));
    }

    [Fact]
    public async Task A_receiver_that_waits_sees_the_other_end_close()
    {
        (SeqPacketSocket one, SeqPacketSocket other) = SeqPacketSocket.Pair();
        using SeqPacketSocket disposeOther = other;
        Task<Packet> waiting = other.ReceiveAsync(new byte[10], default);

        one.Dispose();

        Assert.Equal(0, (await waiting.WaitAsync(TimeSpan.FromSeconds(20))).Length);
    }

    [Fact]
    public async Task A_sender_waits_for_a_full_queue_and_can_be_cancelled()
    {
        (SeqPacketSocket one, SeqPacketSocket other) = SeqPacketSocket.Pair();
        using SeqPacketSocket disposeOne = one, disposeOther = other;
        using CancellationTokenSource cancel = new(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (true) await one.SendAsync(new byte[4096], [], cancel.Token);
        });
    }

    [Fact]
    public void A_bound_socket_is_private_and_refuses_until_somebody_listens()
    {
        string directory = Directory.CreateTempSubdirectory("nk-test-").FullName;
        try
        {
            string path = Path.Combine(directory, new string('d', 100), "holder.sock");     // deeper than sun_path
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);

            using SeqPacketSocket bound = SeqPacketSocket.Bind(path);

            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            Assert.Equal(Errno.ECONNREFUSED, Assert.Throws<ErrnoException>(() => SeqPacketSocket.Connect(path)).Errno);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
