using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Tests.Unit.Runtime.Images;

public sealed class ImageReferenceTests
{
    private const string Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("busybox", "docker.io/library/busybox:latest")]
    [InlineData("busybox:1", "docker.io/library/busybox:1")]
    [InlineData("team/app", "docker.io/team/app:latest")]
    [InlineData("index.docker.io/busybox", "docker.io/library/busybox:latest")]
    [InlineData("localhost/app", "localhost/app:latest")]
    [InlineData("host:5000/app", "host:5000/app:latest")]
    [InlineData("host:5000/a/b:v", "host:5000/a/b:v")]
    [InlineData("[::1]:5000/app", "[::1]:5000/app:latest")]
    [InlineData("Host/app", "Host/app:latest")]
    [InlineData("a/b__c--d.e_f", "docker.io/a/b__c--d.e_f:latest")]
    public void A_name_is_completed_as_users_expect(string text, string expected) => Assert.Equal(expected, ImageReference.Parse(text).Tagged);

    [Fact]
    public void A_digest_needs_no_tag_and_keeps_one()
    {
        ImageReference plain = ImageReference.Parse($"app@{Digest}"), both = ImageReference.Parse($"app:1@{Digest}");

        Assert.Equal((null, Digest), (plain.Tagged, plain.Digest?.Text));
        Assert.Equal(("docker.io/library/app:1", Digest), (both.Tagged, both.Digest?.Text));
    }

    public static TheoryData<string> None =>
    [
        "", " ", "a b", "a:", ":a", "a@", "a@sha256:12", "a@md5:0123456789abcdef0123456789abcdef", "a@" + Digest.ToUpperInvariant(), "/a", "a/", "a//b", "a/B", "-a", "a-", "a..b",
        "a___b", "a:b/c:d:e", "a:" + new string('t', 129), new string('a', 300), "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "host:port/a", "a\n", "a:b\n", "../../etc/passwd", "http://a/b", "a?b", "[::1/a",
    ];

    [Theory]
    [MemberData(nameof(None))]
    public void What_is_no_name_is_refused(string text) => Assert.Equal("InvalidImageName", Assert.Throws<ImageException>(() => ImageReference.Parse(text)).Reason);

    [Fact]
    public void Chain_IDs_are_those_of_the_specification()
    {
        ContentDigest a = ContentDigest.Of("a"u8), b = ContentDigest.Of("b"u8);

        ContentDigest[] chain = ContentDigest.Chain([a, b]);

        Assert.Equal(a, chain[0]);
        Assert.Equal(ContentDigest.Of(System.Text.Encoding.ASCII.GetBytes($"{a} {b}")), chain[1]);
    }
}
