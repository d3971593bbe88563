using NativeKubelet.Core.Logs;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Server;

namespace NativeKubelet.Tests.Unit.Core.Logs;

public sealed class LogQueryTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Options_are_read_as_the_original_reads_them()
    {
        LogQuery query = Parse("follow=true&previous=1&timestamps&tailLines=3&limitBytes=9&sinceSeconds=60");

        Assert.Equal(new LogQuery(true, true, true, null, 60, 3, 9, null), query);
        Assert.Equal(Now.AddMinutes(-1), query.Since(Now));
        Assert.Equal(new(false, false, false, null, null, null, null, null), Parse("follow=false&previous=0&tail=all&stream=All"));
        Assert.Equal(7, Parse("tail=7&tailLines=3").Tail);
        Assert.Equal(Now, Parse("sinceTime=2026-01-02T00:00:00.000000000Z").Since(Now));
        Assert.Null(Parse($"sinceSeconds={long.MaxValue}").Since(Now));
    }

    [Theory]
    [InlineData("tailLines=x", 400)]
    [InlineData("limitBytes=", 400)]
    [InlineData("sinceTime=yesterday", 400)]
    [InlineData("tailLines=-1", 422)]
    [InlineData("limitBytes=0", 422)]
    [InlineData("sinceSeconds=0", 422)]
    [InlineData("sinceSeconds=1&sinceTime=2026-01-02T00:00:00Z", 422)]
    [InlineData("stream=Stdout&tailLines=1", 422)]
    [InlineData("stream=both", 422)]
    [InlineData("stream=Stderr", 400)]
    public void What_cannot_be_meant_is_refused_with_the_originals_status(string query, int status) =>
        Assert.Equal(status, Assert.Throws<RefusedException>(() => Parse(query)).Status);

    [Fact]
    public void One_stream_is_for_those_who_turned_its_gate_on() => Assert.Equal("Stderr", Parse("stream=Stderr", splitStreams: true).Stream);

    [Fact]
    public void The_instance_whose_log_is_meant_follows_from_the_status()
    {
        DateTimeOffset at = Now;
        Terminated ended = new(1, "Error", "", at, at, "old");
        Assert.Equal("now", Choose(new Running(at), null));
        Assert.Equal("old", Choose(new Running(at), ended, previous: true));
        Assert.Equal("old", Choose(ended, null));
        Assert.Equal("old", Choose(ended with { ContainerId = "" }, ended));
        Assert.Equal("old", Choose(new Waiting("CrashLoopBackOff", ""), ended));
    }

    [Fact]
    public void A_container_without_a_log_says_why()
    {
        Assert.Equal("previous terminated container \"c\" in pod \"p\" not found", Refusal(new Running(Now), previous: true));
        Assert.Equal("container \"c\" in pod \"p\" is waiting to start: trying and failing to pull image", Refusal(new Waiting("ImagePullBackOff", "")));
        Assert.Equal("container \"c\" in pod \"p\" is waiting to start: image can't be pulled", Refusal(new Waiting("ErrImagePull", "")));
        Assert.Equal("container \"c\" in pod \"p\" is waiting to start: ContainerCreating", Refusal(new Waiting("ContainerCreating", "")));
        Assert.Equal("container \"c\" in pod \"p\" is terminated", Refusal(new Terminated(1, "", "", null, null, "")));
        Assert.Equal("container \"d\" in pod \"p\" is not available", Assert.Throws<RefusedException>(() => LogInstance.Choose(Status(new Running(Now), null), "p", "d", false)).Message);
    }

    private static LogQuery Parse(string query, bool splitStreams = false)
    {
        Dictionary<string, string> pairs = query.Split('&').Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => p.Length > 1 ? p[1] : "");
        return LogQuery.Parse(pairs.GetValueOrDefault, splitStreams);
    }

    private static string Choose(ContainerStateOf state, Terminated? last, bool previous = false) => LogInstance.Choose(Status(state, last), "p", "c", previous);

    private static string Refusal(ContainerStateOf state, bool previous = false) => Assert.Throws<RefusedException>(() => Choose(state, null, previous)).Message;

    private static PodStatus Status(ContainerStateOf state, Terminated? last) => new(
        PodPhase.Running, "", "", [], [new ContainerStatus("c", "", "", "now", 0, true, true, state, last)], null, [], [], "BestEffort", null);
}
