using System.Text;
using NativeKubelet.Logging;

namespace NativeKubelet.Tests.Unit.App.Logging;

public sealed class LogQueueTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly List<string> _read = [];
    private readonly SemaphoreSlim _came = new(0);

    public void Dispose() => _came.Dispose();

    [Fact]
    public void A_reader_that_stands_still_holds_nobody_up_and_what_it_missed_is_counted_where_it_was()
    {
        using ManualResetEventSlim reads = new(false);
        using SemaphoreSlim waits = new(0);
        byte[] large = new byte[LogQueue.MaxBytes - 1];
        using (LogQueue queue = new(line => { waits.Release(); reads.Wait(TestContext.Current.CancellationToken); Read(line); }, Notice, TimeProvider.System))
        {
            queue.Add("first"u8.ToArray());
            Assert.True(waits.Wait(Deadline, TestContext.Current.CancellationToken));
            queue.Add(large);
            for (int i = 0; i < 5; i++) queue.Add("lost"u8.ToArray());
            queue.Add("!"u8.ToArray());
            Assert.Equal(5, queue.Dropped);
            Assert.True(queue.BlockedFor > TimeSpan.Zero);
            reads.Set();
            Wait(4);
        }

        Assert.Equal(["first", $"{large.Length}", "5 dropped", "!"], _read);
    }

    [Fact]
    public void A_closed_pipe_is_no_fault_and_is_told_of_when_it_is_open_again()
    {
        bool broken = true;
        int tries = 0;
        using LogQueue queue = new(line =>
        {
            Interlocked.Increment(ref tries);
            if (Volatile.Read(ref broken)) { _came.Release(); throw new IOException("broken pipe"); }
            Read(line);
        }, Notice, TimeProvider.System);

        queue.Add("one"u8.ToArray());
        queue.Add("two"u8.ToArray());
        Wait(2);
        Volatile.Write(ref broken, false);
        queue.Add("three"u8.ToArray());
        Wait(2);

        Assert.Equal(["2 dropped", "three"], _read);
        Assert.Equal(2, queue.Dropped);
        Assert.Equal(TimeSpan.Zero, queue.BlockedFor);
    }

    [Fact]
    public void The_last_words_are_written_before_the_end()
    {
        using (LogQueue queue = new(Read, Notice, TimeProvider.System))
            for (int i = 0; i < 100; i++) queue.Add(Encoding.ASCII.GetBytes($"{i}"));

        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), _read);
    }

    private void Read(ReadOnlySpan<byte> line)
    {
        _read.Add(line.Length > 100 ? $"{line.Length}" : Encoding.ASCII.GetString(line));
        _came.Release();
    }

    private static byte[] Notice(long count) => Encoding.ASCII.GetBytes($"{count} dropped");

    private void Wait(int count)
    {
        for (int i = 0; i < count; i++) Assert.True(_came.Wait(Deadline, TestContext.Current.CancellationToken));
    }
}
