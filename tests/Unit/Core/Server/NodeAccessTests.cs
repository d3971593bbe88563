using NativeKubelet.Core.Server;

namespace NativeKubelet.Tests.Unit.Core.Server;

public sealed class NodeAccessTests
{
    [Theory]
    [InlineData("/stats/summary", "stats")]
    [InlineData("/metrics", "metrics")]
    [InlineData("/metrics/cadvisor", "metrics")]
    [InlineData("/logs/syslog", "log")]
    [InlineData("/pods", "pods proxy")]
    [InlineData("/runningpods/", "pods proxy")]
    [InlineData("/healthz/ping", "healthz proxy")]
    [InlineData("/configz", "configz proxy")]
    [InlineData("/containerLogs/a/b/c", "proxy")]
    [InlineData("/nonsense", "proxy")]
    [InlineData("/", "proxy")]
    public void A_path_names_the_subresources_that_are_asked_for(string path, string expected) =>
        Assert.Equal(expected, string.Join(' ', NodeAccess.Of("GET", path).Subresources));

    [Theory]
    [InlineData("/metricsx")]
    [InlineData("/statsy/summary")]
    [InlineData("/Metrics")]
    [InlineData("//metrics")]
    [InlineData("metrics")]
    public void What_only_looks_like_a_lesser_path_needs_the_whole_right(string path) =>
        Assert.Equal(["proxy"], NodeAccess.Of("GET", path).Subresources);

    [Theory]
    [InlineData("GET", "get")]
    [InlineData("POST", "create")]
    [InlineData("PUT", "update")]
    [InlineData("PATCH", "patch")]
    [InlineData("DELETE", "delete")]
    [InlineData("HEAD", "")]
    public void The_method_is_the_verb(string method, string verb) => Assert.Equal(verb, NodeAccess.Of(method, "/pods").Verb);

    [Theory]
    [InlineData("/exec/a/b/c")]
    [InlineData("/attach/a/b/c")]
    [InlineData("/run/a/b/c")]
    [InlineData("/portForward/a/b")]
    public void Running_something_in_a_container_is_never_a_mere_read(string path) => Assert.Equal("create", NodeAccess.Of("GET", path).Verb);
}
