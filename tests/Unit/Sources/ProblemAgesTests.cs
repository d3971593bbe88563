using NativeKubelet.Core.Manifests;
using NativeKubelet.Sources;

namespace NativeKubelet.Tests.Unit.Sources;

public sealed class ProblemAgesTests
{
    private static readonly DateTimeOffset T0 = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly ProblemAges _ages = new();

    [Fact]
    public void A_problem_keeps_its_age_while_it_stays_and_is_new_once()
    {
        ManifestProblem problem = new("f", 1, 2, "a", "bad", ProblemSeverity.Error);

        Assert.Single(_ages.Date([problem], T0).New);
        (var all, var fresh) = _ages.Date([problem with { StandIn = true }], T0.AddHours(1));

        Assert.Empty(fresh);
        Assert.Equal((T0, true), (all[0].Since, all[0].StandIn));
    }

    [Fact]
    public void One_that_went_and_came_back_is_new()
    {
        ManifestProblem problem = new("f", 1, 2, "a", "bad", ProblemSeverity.Error);
        _ages.Date([problem], T0);
        _ages.Date([], T0);

        Assert.Equal(T0.AddHours(1), Assert.Single(_ages.Date([problem], T0.AddHours(1)).New).Since);
    }
}
