using NativeKubelet.Runtime.Images.Registry;

namespace NativeKubelet.Tests.Unit.Runtime.Images.Registry;

public sealed class AuthChallengeTests
{
    [Fact]
    public void A_bearer_challenge_is_read_with_its_commas_inside_quotes()
    {
        AuthChallenge challenge = Assert.Single(AuthChallenge.Parse(["Bearer realm=\"https://auth.example/token\",service=\"registry\",scope=\"repository:a/b:pull,push\""]));

        Assert.Equal("bearer", challenge.Scheme);
        Assert.Equal("https://auth.example/token", challenge["realm"]);
        Assert.Equal("registry", challenge["service"]);
        Assert.Equal("repository:a/b:pull,push", challenge["scope"]);
        Assert.Null(challenge["error"]);
    }

    [Theory]
    [InlineData("Basic realm=\"x\", Bearer realm=\"y\"")]
    [InlineData("basic REALM=x , bearer realm = y")]
    [InlineData("Basic realm=\"x\",,  Bearer realm=y,")]
    public void Several_challenges_stand_in_one_header(string header)
    {
        Assert.Equal(["basic x", "bearer y"], AuthChallenge.Parse([header]).Select(c => $"{c.Scheme} {c["realm"]}"));
    }

    [Fact]
    public void Several_headers_count_together_and_a_scheme_may_stand_alone()
    {
        Assert.Equal(["negotiate", "basic"], AuthChallenge.Parse(["Negotiate", "Basic realm=x"]).Select(c => c.Scheme));
    }

    [Fact]
    public void Escapes_are_undone_and_the_first_of_a_name_counts()
    {
        AuthChallenge challenge = Assert.Single(AuthChallenge.Parse(["Basic realm=\"a\\\"b\\\\c\", realm=later"]));

        Assert.Equal("a\"b\\c", challenge["realm"]);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData(",,, ", 0)]
    [InlineData("=", 0)]
    [InlineData("\"", 0)]
    [InlineData("a=b", 0)]
    [InlineData("Bearer realm=\"never ends", 1)]
    [InlineData("Bearer realm=\"\\", 1)]
    [InlineData("Bearer = = =", 0)]
    [InlineData("\0\u00ff\u4e2d", 0)]
    public void Nonsense_neither_throws_nor_invents(string header, int challenges)
    {
        Assert.Equal(challenges, AuthChallenge.Parse([header]).Count(c => c.Scheme == "bearer"));
    }

    [Fact]
    public void An_endless_header_is_left_out() => Assert.Empty(AuthChallenge.Parse([new string('a', 100_000)]));
}
