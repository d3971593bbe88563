using k8s.Models;
using NativeKubelet.Core.Containers;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class ContainerUserTests
{
    private const string Passwd = "root:x:0:0:root:/root:/bin/sh\nweb:x:101:102:web:/srv/web:/bin/false\nbroken:x:notanumber:1::/:\n";
    private const string Group = "root:x:0:\nweb:x:102:\nmedia:x:500:other,web\nlogs:x:501:web\n";

    [Fact]
    public void Without_any_wish_the_user_is_root_with_its_own_group()
    {
        ContainerUser user = Resolve("", null, null);

        Assert.Equal((0u, 0u, "/root"), (user.Uid, user.Gid, user.Home));
        Assert.Equal([0u], user.Groups);
    }

    [Fact]
    public void A_name_from_the_image_is_looked_up_in_the_image()
    {
        ContainerUser user = Resolve("web", null, null);

        Assert.Equal((101u, 102u, "/srv/web"), (user.Uid, user.Gid, user.Home));
    }

    [Fact]
    public void Memberships_of_the_image_and_the_primary_group_are_among_the_groups()
    {
        ContainerUser user = Resolve("web", new V1PodSecurityContext { SupplementalGroups = [7], FsGroup = 9 }, null);

        Assert.Equal([7u, 9u, 102u, 500u, 501u], user.Groups);
    }

    [Fact]
    public void Strict_policy_leaves_the_images_memberships_out()
    {
        ContainerUser user = Resolve("web", new V1PodSecurityContext { SupplementalGroupsPolicy = "Strict" }, null);

        Assert.Equal([102u], user.Groups);
    }

    [Fact]
    public void The_container_wins_over_the_pod_and_the_pod_over_the_image()
    {
        ContainerUser user = Resolve("web", new V1PodSecurityContext { RunAsUser = 5, RunAsGroup = 6 }, new V1SecurityContext { RunAsUser = 8 });

        Assert.Equal((8u, 6u), (user.Uid, user.Gid));
    }

    [Theory]
    [InlineData(-1L)]
    [InlineData(2147483648L)]
    [InlineData(4294967296L)]
    public void Ids_that_would_wrap_are_refused(long id)
    {
        Assert.Throws<ContainerConfigException>(() => Resolve("", new V1PodSecurityContext { RunAsUser = id }, null));
        Assert.Throws<ContainerConfigException>(() => Resolve("", new V1PodSecurityContext { RunAsGroup = id }, null));
        Assert.Throws<ContainerConfigException>(() => Resolve("", new V1PodSecurityContext { SupplementalGroups = [id] }, null));
        Assert.Throws<ContainerConfigException>(() => Resolve($"{id}", null, null));
    }

    [Theory]
    [InlineData("", "image will run as root")]
    [InlineData("0", "image will run as root")]
    [InlineData("00", "image will run as root")]
    [InlineData("0:5", "image will run as root")]
    [InlineData("web", "non-numeric user (web)")]
    [InlineData("99999999999", "invalid user id")]
    public void Non_root_is_checked_on_the_number_that_would_run(string imageUser, string expected)
    {
        ContainerConfigException refusal = Assert.Throws<ContainerConfigException>(() =>
            Resolve(imageUser, new V1PodSecurityContext { RunAsNonRoot = true }, null));

        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("(pod: \"web_default(u1)\", container: c)", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Non_root_refuses_an_explicit_zero_and_takes_any_other_number()
    {
        Assert.Throws<ContainerConfigException>(() => Resolve("7", new V1PodSecurityContext { RunAsNonRoot = true, RunAsUser = 0 }, null));
        Assert.Equal(7u, Resolve("7", new V1PodSecurityContext { RunAsNonRoot = true }, null).Uid);
    }

    [Fact]
    public void An_unknown_name_is_an_error_in_the_words_users_know()
    {
        ContainerConfigException refusal = Assert.Throws<ContainerConfigException>(() => Resolve("nobody", null, null));

        Assert.Equal("unable to find user nobody: no matching entries in passwd file", refusal.Message);
    }

    private static ContainerUser Resolve(string imageUser, V1PodSecurityContext? pod, V1SecurityContext? container)
    {
        V1Container c = new() { Name = "c", SecurityContext = container };
        V1Pod p = new()
        {
            Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default", Uid = "u1" },
            Spec = new V1PodSpec { Containers = [c], SecurityContext = pod },
        };
        return ContainerUser.Resolve(p, c, ImageConfig.Empty with { User = imageUser }, Passwd, Group);
    }
}
