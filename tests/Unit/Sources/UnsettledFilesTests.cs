using NativeKubelet.Linux.Files;
using NativeKubelet.Sources;

namespace NativeKubelet.Tests.Unit.Sources;

public sealed class UnsettledFilesTests
{
    private readonly UnsettledFiles _files = new();

    [Theory]
    [InlineData(FileEvents.MovedTo)]
    [InlineData(FileEvents.ClosedAfterWrite)]
    [InlineData(FileEvents.Deleted)]
    [InlineData(FileEvents.MovedFrom)]
    [InlineData(FileEvents.Attributes)]
    public void What_is_complete_or_gone_is_looked_at_now(FileEvents what) => Assert.Equal(["a"], Look(new FileEvent(1, what, 0, "a")));

    [Fact]
    public void A_file_that_is_created_and_written_waits_for_its_close()
    {
        Assert.Empty(Look(new(1, FileEvents.Created, 0, "a"), new(1, UnsettledFiles.Modified, 0, "a"), new(1, FileEvents.Attributes, 0, "a")));
        Assert.Equal(["a"], _files.Names);

        Assert.Equal(["a"], Look(new FileEvent(1, FileEvents.ClosedAfterWrite, 0, "a")));
        Assert.Empty(_files.Names);
    }

    [Fact]
    public void It_is_not_waited_for_longer_than_a_tenth_of_a_second()
    {
        Look(new FileEvent(1, UnsettledFiles.Modified, 0, "a"));

        Assert.Empty(_files.Due(99, Elapsed));
        Assert.Equal(["a"], _files.Due(100, Elapsed));
        Assert.Null(_files.NextDue(100, Elapsed));
    }

    [Fact]
    public void A_link_has_nobody_who_closes_it() => Assert.Equal(["a"], _files.Read([new(1, FileEvents.Created, 0, "a")], 0, _ => true).Look);

    [Fact]
    public void A_file_moved_aside_by_an_editor_is_not_gone_yet()
    {
        Assert.Empty(Look(new(1, FileEvents.MovedFrom, 7, "a"), new(1, FileEvents.MovedTo, 7, "a~")));
        Assert.Equal(["a"], _files.Names);

        Assert.Equal(["a"], Look(new(1, FileEvents.Created, 0, "a"), new(1, FileEvents.ClosedAfterWrite, 0, "a"), new(1, FileEvents.Deleted, 0, "a~")));
    }

    [Fact]
    public void An_editor_has_two_seconds_to_put_the_new_file_in_place()
    {
        Look(new(1, FileEvents.MovedFrom, 7, "a"), new(1, FileEvents.MovedTo, 7, "a~"));
        Look(new FileEvent(1, FileEvents.Created, 0, "a"));

        Assert.Empty(_files.Due(1999, Elapsed));
        Assert.Equal(TimeSpan.FromMilliseconds(1), _files.NextDue(1999, Elapsed));
        Assert.Equal(["a"], _files.Due(2000, Elapsed));
    }

    [Fact]
    public void A_file_renamed_to_another_manifest_is_both() =>
        Assert.Equal(["a", "b"], Look(new(1, FileEvents.MovedFrom, 7, "a"), new(1, FileEvents.MovedTo, 7, "b")));

    [Fact]
    public void Hidden_files_are_nobodys_business_but_a_swapped_farm_is()
    {
        Assert.False(_files.Read([new(1, FileEvents.MovedTo, 0, ".a.swp"), new(1, FileEvents.ClosedAfterWrite, 0, "4913~")], 0, _ => false).All);
        Assert.True(_files.Read([new(1, FileEvents.MovedTo, 0, "..data")], 0, _ => false).All);
    }

    [Theory]
    [InlineData(FileEvents.Overflow)]
    [InlineData(FileEvents.DeletedSelf)]
    [InlineData(FileEvents.MovedSelf)]
    [InlineData(FileEvents.Unmounted)]
    public void Lost_events_and_lost_directories_ask_for_a_listing(FileEvents what) => Assert.True(_files.Read([new(-1, what, 0, "")], 0, _ => false).All);

    [Fact]
    public void Names_are_looked_at_once_for_many_events() =>
        Assert.Equal(["a"], Look(new(1, FileEvents.ClosedAfterWrite, 0, "a"), new(1, FileEvents.Attributes, 0, "a"), new(1, FileEvents.ClosedAfterWrite, 0, "a")));

    private List<string> Look(params FileEvent[] events) => _files.Read(events, 0, _ => false).Look;

    private static TimeSpan Elapsed(long from, long to) => TimeSpan.FromMilliseconds(to - from);
}
