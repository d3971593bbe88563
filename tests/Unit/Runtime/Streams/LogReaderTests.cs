using System.Text;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Runtime.Streams;
using NativeKubelet.Tests.Unit.Linux.Files;

namespace NativeKubelet.Tests.Unit.Runtime.Streams;

public sealed class LogReaderTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly TemporaryDirectory _directory = new();

    private string Log => _directory["0.log"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Records_become_lines_again_byte_for_byte()
    {
        byte[] binary = [.. Enumerable.Range(0, 256).Select(b => (byte)b).Where(b => b != '\n')];
        File.WriteAllBytes(Log, [.. "2026-01-01T00:00:00.000000001Z stdout F "u8, .. binary, .. "\n2026-01-01T00:00:00.000000002Z stderr F oops\n"u8]);

        byte[] lines = await ReadAsync(new());

        Assert.Equal([.. binary, .. "\noops\n"u8], lines);
    }

    [Fact]
    public async Task Pieces_of_a_long_line_are_joined_and_another_stream_does_not_tear_it()
    {
        File.WriteAllText(Log, Record(1, "P", "one ") + Record(2, "F", "error", "stderr") + Record(3, "P", "two ") + Record(4, "F", "three"));

        Assert.Equal("error\none two three\n", await TextAsync(new()));
    }

    [Fact]
    public async Task A_joined_line_has_the_time_of_its_first_piece()
    {
        File.WriteAllText(Log, Record(1, "P", "a") + Record(2, "F", "b") + Record(3, "F", "c"));

        Assert.Equal("2026-01-01T00:00:01.000000000Z ab\n2026-01-01T00:00:03.000000000Z c\n", await TextAsync(new(Timestamps: true)));
    }

    [Fact]
    public async Task What_is_no_record_is_read_past()
    {
        File.WriteAllText(Log, "garbage\n\0\0\0\0\n" + Record(1, "F", "good") + new string('x', 600_000) + "\n" + Record(2, "F", "too") + "2026-01-01T00:00:03.0");

        Assert.Equal("good\ntoo\n", await TextAsync(new()));
    }

    [Fact]
    public async Task Rotated_files_come_first_in_the_order_of_their_names_numbers_and_are_left_out_on_request()
    {
        File.WriteAllText(Log + ".20260101-000001-002", Record(3, "F", "3"));
        File.WriteAllText(Log + ".20260101-000001", Record(1, "F", "1"));
        File.WriteAllText(Log + ".20260101-000001-010", Record(4, "F", "4"));
        File.WriteAllText(Log + ".20260101-000000-999", Record(0, "F", "0"));
        File.WriteAllText(Log + ".backup", Record(9, "F", "not ours"));
        File.WriteAllText(Log, Record(5, "F", "5"));

        Assert.Equal("0\n1\n3\n4\n5\n", await TextAsync(new()));
        Assert.Equal("5\n", await TextAsync(new(Rotated: false)));
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "f\n")]
    [InlineData(2, "de\nf\n")]
    [InlineData(3, "c\nde\nf\n")]
    [InlineData(5, "a\nb\nc\nde\nf\n")]
    [InlineData(99, "a\nb\nc\nde\nf\n")]
    public async Task Tail_counts_lines_not_records_over_all_files(int lines, string expected)
    {
        File.WriteAllText(Log + ".20260101-000000", Record(1, "F", "a") + Record(2, "F", "b"));
        File.WriteAllText(Log, Record(3, "F", "c") + Record(4, "P", "d") + Record(5, "F", "e") + Record(6, "F", "f"));

        Assert.Equal(expected, await TextAsync(new(Tail: lines)));
    }

    [Theory]
    [InlineData(1, "ef")]
    [InlineData(2, "cd\nef")]
    [InlineData(3, "b\ncd\nef")]
    public async Task Tail_counts_a_last_line_that_never_got_its_end(int lines, string expected)
    {
        File.WriteAllText(Log + ".20260101-000000", Record(1, "F", "a") + Record(2, "F", "b") + Record(3, "P", "c"));
        File.WriteAllText(Log, Record(4, "F", "d") + Record(5, "P", "e") + Record(6, "P", "f"));

        Assert.Equal(expected, await TextAsync(new(Tail: lines)));
    }

    [Fact]
    public async Task Tail_finds_its_place_in_a_large_file()
    {
        File.WriteAllText(Log, string.Concat(Enumerable.Range(0, 20_000).Select(i => Record(i % 60, "F", $"line {i}"))));

        Assert.Equal(string.Concat(Enumerable.Range(17_000, 3_000).Select(i => $"line {i}\n")), await TextAsync(new(Tail: 3000)));
    }

    [Theory]
    [InlineData(0, "1\n2\n3\n")]
    [InlineData(2, "2\n3\n")]
    [InlineData(4, "")]
    public async Task Since_leaves_out_what_is_older(int second, string expected)
    {
        // The last record has another writer's form of the time.
        File.WriteAllText(Log, Record(1, "F", "1") + Record(2, "F", "2") + "2026-01-01T01:00:03.5+01:00 stdout F 3\n");

        Assert.Equal(expected, await TextAsync(new(Since: new DateTimeOffset(2026, 1, 1, 0, 0, second, TimeSpan.Zero))));
    }

    [Fact]
    public async Task A_link_in_the_place_of_the_log_is_refused()
    {
        File.WriteAllText(_directory["secret"], Record(1, "F", "secret"));
        File.CreateSymbolicLink(Log, _directory["secret"]);

        await Assert.ThrowsAnyAsync<IOException>(() => TextAsync(new()));
    }

    [Fact]
    public async Task A_second_name_of_another_file_is_refused()
    {
        File.WriteAllText(_directory["secret"], Record(1, "F", "secret"));
        using (NativeKubelet.Linux.Files.DirectoryHandle d = NativeKubelet.Linux.Files.DirectoryHandle.Open(_directory.Path)) d.MakeHardLink(d, "secret", "0.log");

        await Assert.ThrowsAnyAsync<IOException>(() => TextAsync(new()));
    }

    [Fact]
    public async Task A_follower_walks_over_rotations_without_losing_or_repeating_a_line()
    {
        const int total = 3000;
        using MemoryStream output = new();
        TaskCompletionSource ended = new();
        File.WriteAllText(Log, "");
        using LogReader reader = new(Log, new(Follow: true), output, TimeProvider.System);
        Task copy = Task.Run(() => reader.CopyAsync(ended.Task, TestContext.Current.CancellationToken));

        // As the holder does: rename, then a new file; nothing is written to the old one after its rename.
        FileStream writer = File.Open(Log, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        for (int i = 0; i < total; i++)
        {
            writer.Write(Encoding.ASCII.GetBytes(Record(i % 60, "F", $"{i}")));
            writer.Flush();
            if (i % 100 != 99) continue;
            writer.Dispose();
            File.Move(Log, $"{Log}.20260101-000000-{i + 1:000}");
            writer = File.Open(Log, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        }
        writer.Dispose();
        ended.SetResult();
        await copy.WaitAsync(Deadline);

        Assert.Equal(Enumerable.Range(0, total).Select(i => $"{i}"), Encoding.ASCII.GetString(output.ToArray()).Split('\n')[..^1]);
    }

    [Fact]
    public async Task A_follower_goes_on_where_its_file_was_pruned()
    {
        using WatchedStream output = new();
        TaskCompletionSource ended = new();
        File.WriteAllText(Log, Record(1, "F", "first"));
        using LogReader reader = new(Log, new(Follow: true), output, TimeProvider.System);
        Task copy = Task.Run(() => reader.CopyAsync(ended.Task, TestContext.Current.CancellationToken));
        await output.UntilAsync("first\n").WaitAsync(Deadline);

        File.Delete(Log);
        File.WriteAllText(Log + ".20260101-000009", Record(2, "F", "second"));
        File.WriteAllText(Log, Record(3, "F", "third"));
        await output.UntilAsync("third\n").WaitAsync(Deadline);
        ended.SetResult();
        await copy.WaitAsync(Deadline);

        Assert.Equal("first\nsecond\nthird\n", output.Text);
    }

    [Theory]
    [InlineData(1, "a")]
    [InlineData(4, "ab\nc")]
    [InlineData(99, "ab\ncd\n")]
    public async Task A_limit_of_bytes_ends_the_log_in_the_middle_of_a_line(long limit, string expected)
    {
        File.WriteAllText(Log, Record(1, "F", "ab") + Record(2, "F", "cd"));

        Assert.Equal(expected, await TextAsync(new() { Limit = limit }));
    }

    [Fact]
    public async Task A_follower_whose_limit_is_reached_is_done_although_the_container_runs()
    {
        File.WriteAllText(Log, Record(1, "F", "ab") + Record(2, "F", "cd"));
        using MemoryStream output = new();
        using LogReader reader = new(Log, new(Follow: true) { Limit = 3 }, output, new FakeTimeProvider());

        await reader.CopyAsync(Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);

        Assert.Equal("ab\n", Encoding.ASCII.GetString(output.ToArray()));
    }

    [Fact]
    public async Task One_of_the_two_streams_can_be_had_alone()
    {
        File.WriteAllText(Log, Record(1, "F", "out") + Record(2, "F", "err", "stderr"));

        Assert.Equal(("out\n", "err\n"), (await TextAsync(new() { OnlyErrors = false }), await TextAsync(new() { OnlyErrors = true })));
    }

    [Fact]
    public async Task A_missing_log_is_said()
    {
        await Assert.ThrowsAsync<FileNotFoundException>(() => TextAsync(new()));
    }

    private static string Record(int second, string tag, string content, string stream = "stdout") =>
        $"2026-01-01T00:00:{second:00}.000000000Z {stream} {tag} {content}\n";

    private async Task<string> TextAsync(LogOptions options) => Encoding.ASCII.GetString(await ReadAsync(options));

    private async Task<byte[]> ReadAsync(LogOptions options)
    {
        using MemoryStream output = new();
        using LogReader reader = new(Log, options, output, new FakeTimeProvider());
        await reader.CopyAsync(Task.CompletedTask, TestContext.Current.CancellationToken);
        return output.ToArray();
    }

    /// <summary>Tells when it ends in a text.</summary>
    private sealed class WatchedStream : MemoryStream
    {
        private readonly List<(string End, TaskCompletionSource Done)> _waiting = [];

        public string Text
        {
            get { lock (_waiting) return Encoding.ASCII.GetString(ToArray()); }
        }

        public Task UntilAsync(string end)
        {
            TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_waiting) _waiting.Add((end, done));
            Look();
            return done.Task;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            lock (_waiting) Write(buffer.Span);
            Look();
            return ValueTask.CompletedTask;
        }

        private void Look()
        {
            lock (_waiting)
                foreach ((string end, TaskCompletionSource done) in _waiting)
                    if (Text.EndsWith(end, StringComparison.Ordinal)) done.TrySetResult();
        }
    }
}
