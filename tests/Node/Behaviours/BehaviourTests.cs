using Xunit.Sdk;
using Xunit.v3;

namespace NativeKubelet.Tests.Node.Behaviours;

/// <summary>The table of behaviours, a test per row. All rows of a topic share one node.</summary>
[TestCaseOrderer(typeof(ByTopic))]
public sealed class BehaviourTests(BehaviourTests.Nodes nodes) : IClassFixture<BehaviourTests.Nodes>
{
    public static IEnumerable<TheoryDataRow<string, string>> Rows() =>
        Behaviour.All.Select(row => new TheoryDataRow<string, string>(row.Topic, row.Name) { TestDisplayName = $"{row.Topic}: {row.Name}" }.WithTrait("topic", row.Topic));

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Holds(string topic, string name)
    {
        Behaviour row = Behaviour.All.Single(r => r.Topic == topic && r.Name == name);
        if (row.Needs is { } needs)
        {
            string said = Expectation.Run("/bin/sh", ["-c", needs], out int code);
            Assert.SkipWhen(code != 0, $"this machine does not have what the row needs: {needs} {said}");
        }
        await (await nodes.OfAsync(topic)).JudgeAsync(row);
    }

    /// <summary>One node at a time: the topic before ends when the next begins.</summary>
    public sealed class Nodes : IAsyncDisposable
    {
        private TopicNode? _now;

        public async Task<TopicNode> OfAsync(string topic)
        {
            if (_now?.Topic == topic) return _now;
            await DisposeAsync();
            return _now = await TopicNode.StartAsync(topic);
        }

        public async ValueTask DisposeAsync()
        {
            if (_now is not null) await _now.DisposeAsync();
            _now = null;
        }
    }

    /// <summary>Rows in the order of the files, so that every topic's node is started once.</summary>
    public sealed class ByTopic : ITestCaseOrderer
    {
        public IReadOnlyCollection<TTestCase> OrderTestCases<TTestCase>(IReadOnlyCollection<TTestCase> testCases)
            where TTestCase : notnull, ITestCase =>
            [.. testCases.OrderBy(c => c.TestCaseDisplayName, StringComparer.Ordinal)];
    }
}
