using System.Collections.Immutable;
using NativeKubelet.Linux.Files;
using NativeKubelet.Linux.Libc;

namespace NativeKubelet.Tests.Unit.Linux.Files;

public sealed class InotifyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Inotify _inotify = new();

    [Fact]
    public async Task A_file_that_is_waited_for_is_told_when_it_was_written()
    {
        int watch = _inotify.Watch(_directory.Path, FileEvents.ClosedAfterWrite);
        Task<ImmutableArray<FileEvent>> reading = _inotify.ReadAsync(Deadline());
        Assert.False(reading.IsCompleted);

        await File.WriteAllTextAsync(_directory["pod.yaml"], "kind: Pod");

        FileEvent seen = Assert.Single(await reading);
        Assert.Equal((watch, FileEvents.ClosedAfterWrite, "pod.yaml"), (seen.Watch, seen.Events, seen.Name));
    }

    [Fact]
    public async Task Both_halves_of_a_rename_share_a_cookie()
    {
        File.WriteAllText(_directory[".tmp"], "");
        _inotify.Watch(_directory.Path, FileEvents.Content | FileEvents.OnlyDirectory);
        File.Move(_directory[".tmp"], _directory["pod.yaml"]);

        ImmutableArray<FileEvent> events = await _inotify.ReadAsync(Deadline());

        Assert.Equal([(FileEvents.MovedFrom, ".tmp"), (FileEvents.MovedTo, "pod.yaml")], events.Select(e => (e.Events, e.Name)));
        Assert.Equal(events[0].Cookie, events[1].Cookie);
    }

    [Fact]
    public async Task The_end_of_the_directory_itself_is_told()
    {
        Directory.CreateDirectory(_directory["manifests"]);
        _inotify.Watch(_directory["manifests"], FileEvents.Content);
        Directory.Delete(_directory["manifests"]);

        ImmutableArray<FileEvent> events = await _inotify.ReadAsync(Deadline());

        Assert.Contains(events, e => e.Events.HasFlag(FileEvents.DeletedSelf) && e.Name.Length == 0);
        Assert.Contains(events, e => e.Events.HasFlag(FileEvents.Ended));
    }

    [Fact]
    public async Task Waiting_ends_when_it_is_cancelled()
    {
        using CancellationTokenSource cancel = new();
        _inotify.Watch(_directory.Path, FileEvents.Content);
        Task<ImmutableArray<FileEvent>> reading = _inotify.ReadAsync(cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public void A_missing_directory_is_an_error_that_names_it()
    {
        ErrnoException failure = Assert.Throws<ErrnoException>(() => _inotify.Watch(_directory["nowhere"], FileEvents.Content));

        Assert.Equal(Errno.ENOENT, failure.Errno);
        Assert.Contains("nowhere", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_overflow_and_a_cut_off_event_are_parsed()
    {
        byte[] overflow = [0xff, 0xff, 0xff, 0xff, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        byte[] cut = [1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0xff, 0xff, 0xff, (byte)'a'];

        ImmutableArray<FileEvent> events = FileEvent.Parse([.. overflow, .. cut]);

        Assert.Equal([new FileEvent(-1, FileEvents.Overflow, 0, "")], events);
    }

    public void Dispose()
    {
        _inotify.Dispose();
        _directory.Dispose();
    }

    private static CancellationToken Deadline() => new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token;
}
