using NativeKubelet.Core.Events;

namespace NativeKubelet.Tests.Unit.Core.Events;

public sealed class EventCorrelationTests
{
    private static readonly DateTimeOffset T0 = DateTimeOffset.UnixEpoch;

    private readonly EventCorrelation _events = new();

    [Fact]
    public void The_same_event_has_the_same_key_and_keeps_its_message()
    {
        EventVerdict first = Judge("pulled it"), second = Judge("pulled it");

        Assert.Equal(first, second);
        Assert.Equal(("pulled it", true), (first.Message, first.Told));
    }

    [Fact]
    public void From_the_tenth_on_events_that_differ_in_their_message_alone_are_one()
    {
        List<EventVerdict> verdicts = [.. Enumerable.Range(1, 12).Select(i => Judge($"try {i}"))];

        Assert.Equal(9, verdicts.Take(9).Select(v => v.Key).Distinct().Count());
        Assert.Single(verdicts.Skip(9).Select(v => v.Key).Distinct());
        Assert.Equal("(combined from similar events): try 12", verdicts[^1].Message);
    }

    [Fact]
    public void After_ten_quiet_minutes_events_are_told_apart_again()
    {
        foreach (int i in Enumerable.Range(1, 12)) Judge($"try {i}");

        Assert.Equal("try 13", Judge("try 13", at: 601).Message);
    }

    [Fact]
    public void Of_one_object_a_burst_is_told_and_then_one_every_five_minutes()
    {
        int told = Enumerable.Range(0, 100).Count(_ => Judge("no").Told);

        Assert.Equal(25, told);
        Assert.False(Judge("no", at: 299).Told);
        Assert.True(Judge("no", at: 301).Told);
        Assert.False(Judge("no", at: 302).Told);
    }

    [Fact]
    public void One_object_takes_nothing_from_another()
    {
        foreach (int _ in Enumerable.Range(0, 100)) Judge("no");

        Assert.True(_events.Judge(new("Warning", "Failed", "pod/default/b", "2", "", "no"), T0).Told);
        Assert.True(_events.Judge(new("Normal", "Pulled", "pod/default/a", "1", "", "yes"), T0).Told);
    }

    [Fact]
    public void Objects_of_long_ago_are_forgotten()
    {
        foreach (int _ in Enumerable.Range(0, 25)) Judge("no");
        foreach (int i in Enumerable.Range(0, 4096)) _events.Judge(new("Warning", "Failed", $"pod/default/x{i}", $"{i + 10}", "", "no"), T0);

        Assert.True(Judge("no").Told);
    }

    private EventVerdict Judge(string message, int at = 0) => _events.Judge(new("Warning", "Failed", "pod/default/a", "1", "main", message), T0.AddSeconds(at));
}
