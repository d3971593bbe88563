using System.Text;
using k8s.Models;
using NativeKubelet.Core.Containers.SELinux;

namespace NativeKubelet.Tests.Unit.Core.Containers.SELinux;

public sealed class PodLevelsTests
{
    [Fact]
    public void No_two_pods_share_a_level_and_none_has_one_category_twice()
    {
        List<PodLevels> given = [];

        for (int i = 0; i < 2000; i++) given.Add(Choose(Pod($"uid-{i}"), null, given)!.Value);

        CategoryPair[] pairs = [.. given.Select(l => CategoryPair.TryParse(l.Own)!.Value)];
        Assert.Equal(given.Count, pairs.Distinct().Count());
        Assert.All(pairs, p => Assert.True(p is { Low: >= 0, High: < 1024 } && p.Low < p.High));
    }

    [Fact]
    public void A_pod_keeps_its_level_and_a_pod_that_meets_it_gets_another()
    {
        PodLevels first = Choose(Pod("a"), null, [])!.Value;

        Assert.Equal(first.Own, Choose(Pod("a"), null, [])?.Own);
        Assert.Equal(first.Own, Choose(Pod("a"), first, [first])?.Own);
        Assert.NotEqual(first.Own, Choose(Pod("a"), null, [first])?.Own);
    }

    [Fact]
    public void What_somebody_asked_for_is_given_to_nobody_else()
    {
        string own = Choose(Pod("a"), null, [])!.Value.Own;
        CategoryPair pair = CategoryPair.TryParse(own)!.Value;

        PodLevels other = Choose(Pod("b", own: new() { Level = $"s0:c{pair.High},c{pair.Low}" }), null, [])!.Value;

        Assert.Equal([$"s0:c{pair.High},c{pair.Low}"], other.Asked);
        Assert.NotEqual(own, Choose(Pod("a"), null, [other])?.Own);
        Assert.NotEqual(own, Choose(Pod("a", own: new() { Level = own }), null, [])?.Own);
    }

    [Fact]
    public void The_pods_own_wish_is_its_level_and_an_added_containers_wish_is_kept()
    {
        PodLevels levels = Choose(Pod("a", shared: new() { Level = "s0:c1,c2" }), null, [])!.Value;
        V1Container added = new() { Name = "debug", SecurityContext = new() { SeLinuxOptions = new() { Level = "s0:c7" } } };

        PodLevels more = PodLevels.Of(Pod("a"), added, levels, [])!.Value;

        Assert.Equal(["s0:c1,c2"], (string[])[levels.Own, .. levels.Asked]);
        Assert.Equal(["s0:c1,c2", "s0:c7"], (string[])[more.Own, .. more.Asked]);
        Assert.Equal(["s0:c7"], PodLevels.Of(Pod("a"), new() { Name = "c" }, more, [])?.Asked);
    }

    [Fact]
    public void When_all_pairs_are_taken_there_is_none()
    {
        HashSet<CategoryPair> all = [.. from high in Enumerable.Range(1, 1023) from low in Enumerable.Range(0, high) select new CategoryPair(low, high)];

        Assert.Null(CategoryPair.Choose("uid", all));
        all.Remove(new(0, 1));
        Assert.Equal(new CategoryPair(0, 1), CategoryPair.Choose("uid", all));
        all.Add(new(0, 1));
        all.Remove(new(1022, 1023));
        Assert.Equal("s0:c1022,c1023", CategoryPair.Choose("uid", all)?.Level);
    }

    [Theory]
    [InlineData("s0:c5,c2", 2, 5)]
    [InlineData("s0:c0,c1023", 0, 1023)]
    public void A_pair_is_read_in_any_order(string level, int low, int high) => Assert.Equal(new CategoryPair(low, high), CategoryPair.TryParse(level));

    [Theory]
    [InlineData("")]
    [InlineData("s0")]
    [InlineData("s0:c1")]
    [InlineData("s0:c1,c1")]
    [InlineData("s0:c1,c1024")]
    [InlineData("s0:c-1,c2")]
    [InlineData("s0:c 1,c2")]
    [InlineData("s0:c1,c2,c3")]
    [InlineData("s0:,c2")]
    [InlineData("s0:c,c")]
    [InlineData("s0:c0.c1023")]
    [InlineData("s1:c1,c2")]
    [InlineData("s0:c99999999999,c2")]
    public void Other_levels_are_no_pair(string level) => Assert.Null(CategoryPair.TryParse(level));

    [Fact]
    public void Levels_are_read_back_as_they_were_written()
    {
        PodLevels levels = new("s0:c1,c2", ["s0:c3", "s0-s0:c0.c1023"]);

        PodLevels? read = PodLevels.TryParse(levels.ToText());

        Assert.Equal("s0:c1,c2\ns0:c3\ns0-s0:c0.c1023\n", Encoding.UTF8.GetString(levels.ToText()));
        Assert.Equal(levels.Asked.Prepend(levels.Own), read!.Value.Asked.Prepend(read.Value.Own));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("s0 c1\n")]
    [InlineData("s0:c1,c2\n\"\n")]
    [InlineData("\0\0\0\0")]
    public void What_was_torn_is_no_level(string text) => Assert.Null(PodLevels.TryParse(Encoding.UTF8.GetBytes(text)));

    private static PodLevels? Choose(V1Pod pod, PodLevels? known, IEnumerable<PodLevels> others) => PodLevels.Of(pod, pod.Spec.Containers[0], known, others);

    private static V1Pod Pod(string uid, V1SELinuxOptions? shared = null, V1SELinuxOptions? own = null) => new()
    {
        Metadata = new() { Uid = uid },
        Spec = new() { SecurityContext = new() { SeLinuxOptions = shared }, Containers = [new() { Name = "c", SecurityContext = new() { SeLinuxOptions = own } }] },
    };
}
